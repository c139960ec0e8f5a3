"""What a user would pick instead; each script trains once and prints what it measured."""
