"""What each local day has cost, at AWS and in calls of language models.

- `assets`: costs of each local day, and the alerts on them
- `checks`: whether AWS has answered, and unusual days
- `stage`: the work of the assets and checks
"""
