"""Check: the lake holds, day by day, as many rows as the database. The asset `raw_events` reports its result.

It blocks nothing, although profiles of a lake that lost rows would be wrong without looking wrong: the day with other counts
is sent back to its first stage, so no later stage works on it, and the days of other models go on.
"""

import dagster as dg

LAKE_MATCHES_STORE = dg.AssetCheckSpec(
    "lake_matches_store",
    asset="raw_events",
    description="Rows of the lake beside rows of the store, for the days of the run that are marked as stored in the lake.",
)
