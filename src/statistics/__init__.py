"""What may be concluded from runs: intervals, tests, power, claims."""
