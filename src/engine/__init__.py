"""What a run is: its command line, folders, records and failures."""
