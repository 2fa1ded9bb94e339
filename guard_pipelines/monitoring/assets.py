"""Assets with one partition per local day: events in the lake, profiles, drift verdicts, performance.

What each does with the days of a run is in `stages`.
"""

from guard_pipelines.days.assets import stage_asset
from guard_pipelines.days.loop import Outcome, Scope
from guard_pipelines.external_assets import baselines, labels, prediction_events
from guard_pipelines.monitoring import day_numbers
from guard_pipelines.monitoring.checks.lake import LAKE_MATCHES_STORE
from guard_pipelines.resources import Guard


@stage_asset(
    stage="lake",
    deps=[prediction_events, labels],
    kinds={"deltalake"},
    table="rows",
    numbers=day_numbers.RAW_EVENTS,
    check=LAKE_MATCHES_STORE,
)
def raw_events(scope: Scope, guard: Guard) -> Outcome:
    """Events of each project's local day, one Delta table per (project, model), one column per feature."""
    from guard_pipelines.monitoring.stages.lake import store_events

    return store_events(scope, guard.database, guard.lake, guard.settings)


@stage_asset(
    stage="profile",
    deps=[raw_events],
    kinds={"arrow"},
    table="slices",
    numbers=day_numbers.DAILY_AGGREGATES,
)
def daily_aggregates(scope: Scope, guard: Guard) -> Outcome:
    """Profile and metrics of each model's day: whole, and by endpoint, model version and segment."""
    from guard_pipelines.monitoring.stages.profile import profile_days

    return profile_days(scope, guard.database, guard.lake, guard.settings)


@stage_asset(
    stage="drift",
    deps=[daily_aggregates, baselines],
    kinds={"scipy"},
    table="verdicts",
    numbers=day_numbers.DRIFT_REPORTS,
)
def drift_reports(scope: Scope, guard: Guard) -> Outcome:
    """Verdict on each column of each model's day against the model's active baseline."""
    from guard_pipelines.monitoring.stages.drift import judge_days

    return judge_days(scope, guard.database, guard.settings)


@stage_asset(
    stage="performance",
    deps=[drift_reports],
    kinds={"numpy"},
    table="performance",
    numbers=day_numbers.PERFORMANCE,
)
def performance(scope: Scope, guard: Guard) -> Outcome:
    """Metrics of each model's day: realised from labels, estimated from the baseline, and how far the two are apart."""
    from guard_pipelines.monitoring.stages.performance import measure_days

    return measure_days(scope, guard.database, guard.lake, guard.settings)
