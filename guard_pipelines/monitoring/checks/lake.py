"""Check: the lake holds, day by day, as many rows as the database. The asset `raw_events` reports its result.

The only check that blocks: profiles of a lake that lost rows would be wrong without looking wrong.
"""

import dagster as dg

LAKE_MATCHES_STORE = dg.AssetCheckSpec(
    "lake_matches_store",
    asset="raw_events",
    blocking=True,
    description="Rows of the lake beside rows of the store, for the days of the run that are marked as stored in the lake.",
)
