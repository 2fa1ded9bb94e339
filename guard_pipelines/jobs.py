"""The jobs: which assets run together.

What asks for them is in `sensors` and `schedules`.
"""

import dagster as dg

from guard_pipelines.assets.daily_aggregates import daily_aggregates
from guard_pipelines.assets.drift_reports import drift_reports
from guard_pipelines.assets.performance import performance
from guard_pipelines.assets.raw_events import raw_events

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.assets(raw_events, daily_aggregates, drift_reports, performance),
    description="Events into lake, profiles, drift verdicts and performance, for the local days of a run.",
    # Steps take less than a process takes to start.
    executor_def=dg.in_process_executor,
)
