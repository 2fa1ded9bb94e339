"""Alerts on costs: a day above its threshold or unusual for its weeks, once a bill, ended by a day that is in order."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from guard_core.alerting.alert_state import Alert
from guard_core.alerting.policy import Policy
from guard_pipelines.alerts.costs import evaluate_cost_policies
from guard_pipelines.definitions import defs
from guard_pipelines.tags import range_tags
from guard_store.alerts.fold import fold
from guard_store.alerts.outbox import Outbox
from guard_store.alerts.policies import PolicyStore
from guard_store.alerts.store import AlertStore
from guard_store.costs.rows import CostDay, CostLine, CostSource
from guard_store.costs.store import CostStore
from guard_store.projects.store import ProjectStore
from tests.support.pipelines import Pipelines
from tests.support.settings import settings_of

ROUTES = settings_of(alert_routes={"chat": "file:///nowhere"})
START = date(2026, 1, 5)


def bill(
    pipelines: Pipelines,
    first: int,
    amounts: Sequence[float],
    source: CostSource = "llm",
    project: str = "p",
    **of: Any,
) -> str:
    """Days of costs from the n-th on; returns the newest."""
    days = [(START + timedelta(days=first + n)).isoformat() for n in range(len(amounts))]
    CostStore(pipelines.database).replace(
        [
            CostDay(project, day, source, "ok", None, "local_day", of.get("estimated", False), 1, (_line(amount),))
            for day, amount in zip(days, amounts, strict=True)
        ]
    )
    return days[-1]


def _line(amount: float) -> CostLine:
    exact = Decimal(str(amount))
    return CostLine("llm", "gpt", "USD", exact, exact)


def open_after(pipelines: Pipelines, day: str) -> list[Alert]:
    """The open alerts once the policies were applied to a day and all facts have taken effect."""
    evaluate_cost_policies(pipelines.database, "run", [day])
    fold(pipelines.database, ROUTES, gather_s=0)
    return list(AlertStore(pipelines.database).open_of("p"))


def put(pipelines: Pipelines, name: str, **rule: Any) -> None:
    PolicyStore(pipelines.database).put("p", Policy.model_validate({"name": name, **rule}), None)


def titles(pipelines: Pipelines) -> list[str]:
    found = Outbox(pipelines.database).page(project_id="p", state=None, before=None, limit=100)
    return [message.title for message in sorted(found, key=lambda message: message.seq)]


@pytest.fixture(autouse=True)
def _project(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")


def test_an_unusual_day_is_told_once_by_default_and_ends_with_a_usual_one(pipelines: Pipelines) -> None:
    assert open_after(pipelines, bill(pipelines, 0, [10.0] * 56)) == []
    odd = bill(pipelines, 56, [60.0])
    (alert,) = open_after(pipelines, odd)
    assert (alert.kind, alert.severity, alert.model_id) == ("cost", "warning", "")
    assert f"Calls of language models: 60.00 USD on {odd}, unusually much: 10.00 is usual" in alert.summary
    open_after(pipelines, odd)
    assert len(titles(pipelines)) == 1, "the same day again says nothing new"
    assert open_after(pipelines, bill(pipelines, 57, [10.0])) == []
    assert [title.split("]")[0] for title in titles(pipelines)] == ["[WARNING", "[RESOLVED"]


def test_a_threshold_needs_no_history_and_each_bill_is_an_alert_of_its_own(pipelines: Pipelines) -> None:
    put(pipelines, "dear", when="cost", threshold=5)
    day = bill(pipelines, 0, [5.0])
    assert open_after(pipelines, day) == []
    bill(pipelines, 0, [7.5])
    bill(pipelines, 0, [80.0], "aws", estimated=True)
    found = sorted(alert.summary for alert in open_after(pipelines, day))
    assert found == [
        f"AWS: 80.00 USD on {day} so far, 5.00 USD are allowed.",
        f"Calls of language models: 7.50 USD on {day}, 5.00 USD are allowed.",
    ]


def test_a_policy_that_is_gone_ends_its_alert(pipelines: Pipelines) -> None:
    put(pipelines, "dear", when="cost", threshold=5)
    day = bill(pipelines, 0, [7.5])
    assert len(open_after(pipelines, day)) == 1
    PolicyStore(pipelines.database).remove("p", "dear")
    assert open_after(pipelines, day) == []


def test_a_project_that_cannot_be_looked_at_harms_no_other(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    ProjectStore(pipelines.database).create("a", "A")
    put(pipelines, "dear", when="cost", threshold=5)
    day = bill(pipelines, 0, [7.5])
    in_force = PolicyStore.in_force

    def broken(store: PolicyStore, project_id: str) -> list[Policy]:
        if project_id == "a":
            raise ValueError("unreadable")
        return in_force(store, project_id)

    monkeypatch.setattr(PolicyStore, "in_force", broken)
    assert evaluate_cost_policies(pipelines.database, "run", [day]) == ({day: 1}, 1)


def test_a_run_of_an_old_day_does_not_clear_the_alert_of_a_newer_one(pipelines: Pipelines) -> None:
    put(pipelines, "dear", when="cost", threshold=5)
    day = bill(pipelines, 0, [1.0, 7.5])
    assert len(open_after(pipelines, day)) == 1
    before = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
    assert len(open_after(pipelines, before)) == 1


def test_the_costs_job_looks_at_the_policies(pipelines: Pipelines) -> None:
    put(pipelines, "dear", when="cost", threshold=5)
    day = bill(pipelines, 0, [7.5], "aws")
    result = defs().resolve_job_def("costs").execute_in_process(instance=pipelines.instance, tags=range_tags(day, day))
    told = result.asset_materializations_for_node("cost_alerts")[-1].metadata
    assert told["facts"].value == 1
