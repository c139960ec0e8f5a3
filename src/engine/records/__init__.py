"""What is written down of a run: configuration, provenance, metrics, looks."""
