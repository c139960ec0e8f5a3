"""States of a run: written, read, trusted, found, best and last."""
