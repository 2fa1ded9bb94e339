"""Baselines over HTTP: captured and activated by analysts."""
