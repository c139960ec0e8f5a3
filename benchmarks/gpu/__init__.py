"""What this project does on a GPU, measured in one command of eight minutes."""
