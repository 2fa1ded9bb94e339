"""Results of models over HTTP.

- `baselines`: baselines
- `kinds`: kinds of columns
- `results`: day states, metrics, profiles, drift, performance
"""
