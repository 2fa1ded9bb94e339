"""Monitoring of models over HTTP.

- `baselines`: reference windows
- `kinds`: kinds of columns
- `preview`: drift days under another threshold
- `results`: day states, metrics, profiles, drift, performance
"""
