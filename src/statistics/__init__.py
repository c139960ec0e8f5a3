"""What may be concluded from numbers: intervals, tests, power. It knows neither runs nor files."""
