"""From stored events to verdicts: the daily assets.

- `assets`: events in the lake, profiles, drift reports, performance
- `day_numbers`: numbers of the days of each asset
- `stages`: the work of the assets
- `checks`: asset checks on the days of a run
"""
