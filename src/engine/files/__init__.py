"""Files that are whole or not there, locks, and the two folders of a run."""
