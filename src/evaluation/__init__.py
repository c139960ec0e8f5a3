"""What a trained network gets right and wrong, in numbers and pictures."""
