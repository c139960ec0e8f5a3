"""Optuna's search for settings. It knows neither runs nor processes."""
