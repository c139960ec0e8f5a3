"""What a classifier gets right and wrong."""
