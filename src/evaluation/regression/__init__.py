"""What an evaluation adds for a regression."""
