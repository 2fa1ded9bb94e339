"""Facts for alerts: what fires and what clears.

- `assets`: the alerts of the local day
- `sensors`: failed runs and silent models
- `stage`, `evidence`: the policies on the newest measured day of each model
- `costs`: the policies on the newest day of each bill
- `failures`: failed runs, failed days, models without events
"""
