"""Asset: the alerts of the local day."""

from guard_pipelines.days.assets import stage_asset
from guard_pipelines.days.loop import Outcome, Scope
from guard_pipelines.resources import Guard
from guard_pipelines.retraining.assets import retrain_recommended


@stage_asset(deps=[retrain_recommended], kinds={"python"}, table="alerts")
def alerts(scope: Scope, guard: Guard) -> Outcome:
    """The alert policies on each model's newest day, as facts, of which the server makes messages."""
    from guard_pipelines.alerts.failures import record_failed_days
    from guard_pipelines.alerts.stage import evaluate_policies

    outcome = evaluate_policies(scope, guard.database)
    record_failed_days(guard.database, guard.settings, scope.run_id, scope.days)
    return outcome
