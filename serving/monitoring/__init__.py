"""Monitoring of models over HTTP.

- `baselines`: reference windows
- `kinds`: kinds of columns
- `results`: day states, metrics, profiles, drift, performance
"""
