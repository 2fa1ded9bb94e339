"""Facts for alerts: what fires and what clears.

- `assets`: the alerts of the local day
- `costs`: the policies on the newest day of each bill
- `evidence`: the stored results of a model's newest days, read once for all policies, and the finding of each kind
  of policy on a day
- `failures`: failed runs, failed days, models without events
- `reports`: requests the monthly report of each model once its month is processed
- `sensors`: records failed runs and silent models, requests monthly reports
- `stage`: evaluates the alert policies on the newest measured day of each model, and writes facts
"""
