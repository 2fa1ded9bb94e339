"""Monitoring of models over HTTP.

- `baselines`: reference windows
- `features`: one column of a model: its verdict, its distributions and its history
- `kinds`: kinds of columns
- `preview`: drift days under another threshold
- `results`: day states, metrics, profiles, drift, performance
- `series`: a model as it is now, and its history by day
"""
