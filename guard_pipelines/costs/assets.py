"""Assets: the costs of each local day at AWS and in calls of language models, and the alerts on them."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from guard_pipelines.days.assets import DaysReport, daily_asset
from guard_pipelines.days.loop import Scope
from guard_pipelines.external_assets import gateway_calls
from guard_pipelines.resources import Guard

if TYPE_CHECKING:
    from guard_pipelines.costs.stage import CostRun

_GROUP = "costs"


@daily_asset(group=_GROUP, kinds={"aws"}, freshness=None)
def aws_costs(scope: Scope, guard: Guard) -> DaysReport:
    """AWS Cost Explorer's figures by service and tag; a day without an answer is stored with the reason, and nothing fails."""
    from guard_pipelines.costs.stage import explain_unused, read_aws

    reason = explain_unused("aws", guard.database, guard.settings)
    return _report(read_aws(scope, guard.database, guard.settings)) if reason is None else _report_unused(reason)


@daily_asset(group=_GROUP, kinds={"sql"}, deps=[gateway_calls])
def llm_costs(scope: Scope, guard: Guard) -> DaysReport:
    """What calls of language models have cost, by project and model, as usage was settled."""
    from guard_pipelines.costs.stage import explain_unused, sum_usage

    reason = explain_unused("llm", guard.database, guard.settings)
    return _report(sum_usage(scope, guard.database)) if reason is None else _report_unused(reason)


@daily_asset(group=_GROUP, kinds={"python"}, deps=[aws_costs, llm_costs], freshness=None)
def cost_alerts(scope: Scope, guard: Guard) -> DaysReport:
    """The alert policies on the newest day of each bill, as facts, of which the server makes messages."""
    from guard_pipelines.alerts.costs import evaluate_cost_policies

    written, failed = evaluate_cost_policies(guard.database, scope.run_id, scope.days)
    totals = {"facts": written.total(), "failed": failed}
    return DaysReport(totals, lambda day: {"facts": written[day]})


def _report(costs: "CostRun") -> DaysReport:
    def metadata_of(day: str) -> dict[str, Any]:
        return {**costs.numbers_of(day), "costs": dg.MetadataValue.md(costs.table_of(day))}

    return DaysReport(costs.numbers(), metadata_of)


def _report_unused(reason: str) -> DaysReport:
    return DaysReport({"state": reason}, lambda _: {"state": reason})
