"""What a user reads and types: failures in one line, notes, parsers, the bar."""
