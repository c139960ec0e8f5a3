"""What an evaluation adds where a sample may be of several classes at once."""
