"""Measurements and the demo: development code, not installed."""
