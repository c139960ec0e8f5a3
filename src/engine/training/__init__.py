"""From a command to a trainer, and to what a run leaves behind."""
