"""Costs by the pipelines: asked for once a day, refreshed until final, never in the way of anything else."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from guard_core.days import microseconds
from guard_pipelines.definitions import defs
from guard_pipelines.resources import Guard
from guard_pipelines.schedules import every_bill
from guard_pipelines.tags import UNPROCESSED, range_tags
from guard_store.costs.rows import CostDay, CostLine
from guard_store.costs.store import CostStore
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from guard_store.spending.tables import usage
from tests.support.aws import OddAws, SeededAws, line, page, period
from tests.support.pipelines import Pipelines

FIRST, LAST = "2026-01-31", "2026-02-01"
AWS_OFF = "AWS costs are off: set ML_GUARD_AWS_COSTS=true to read them"


@pytest.fixture
def _asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask AWS daily; before `pipelines`."""
    monkeypatch.setenv("ML_GUARD_AWS_COSTS", "true")


def run(
    pipelines: Pipelines, first: str = FIRST, last: str = LAST, *, by_schedule: bool = True
) -> dg.ExecuteInProcessResult:
    tags = {**range_tags(first, last), **({UNPROCESSED: "costs"} if by_schedule else {})}
    return defs().resolve_job_def("costs").execute_in_process(instance=pipelines.instance, tags=tags)


def numbers(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, dict[str, Any]]:
    return {
        str(of_day.partition): {name: value.value for name, value in of_day.metadata.items()}
        for of_day in result.asset_materializations_for_node(asset)
    }


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], bool]:
    return {(e.asset_key.to_user_string(), e.check_name): e.passed for e in result.get_asset_check_evaluations()}


def use(database: Database, day: str, model: str, nano: int, *, project: str = "p", unpriced: int = 0) -> None:
    row = dict.fromkeys((column.name for column in usage.c), 0)
    names = {"day": day, "project_id": project, "key_id": "k", "end_user": "", "model": model}
    with database.write() as connection:
        connection.execute(
            usage.insert().values(row | names | {"requests": 2, "unpriced": unpriced, "cost_nano_usd": nano})
        )


@pytest.mark.usefixtures("_asking")
def test_days_are_read_from_aws_and_summed_from_usage(aws: SeededAws, pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    use(pipelines.database, FIRST, "gpt", 1_500_000_001)
    use(pipelines.database, FIRST, "unheard-of", 0, unpriced=2)
    use(pipelines.database, LAST, "gpt", 7, project="")
    aws.seed(page(period(FIRST, line("EC2", "p", "12.34")), period(LAST, line("S3", "p", "0.01"), estimated=True)))
    result = run(pipelines)
    found = {(d.day, d.source): d for d in CostStore(pipelines.database).days("p", FIRST, LAST)}
    assert {key: day.totals() for key, day in found.items()} == {
        (FIRST, "aws"): {"USD": Decimal("12.34")},
        (FIRST, "llm"): {"USD": Decimal("1.500000001")},
        (LAST, "aws"): {"USD": Decimal("0.01")},
        (LAST, "llm"): {},
    }
    assert [line.label for line in found[FIRST, "llm"].lines] == ["gpt"]
    assert (found[FIRST, "llm"].state, found[LAST, "llm"].state) == ("partial", "ok")
    assert "2 calls" in (found[FIRST, "llm"].reason or "")
    by_day = numbers(result, "aws_costs")
    assert {day: (of["projects"], of["total_USD"]) for day, of in by_day.items()} == {
        FIRST: (1, 12.34),
        LAST: (1, 0.01),
    }
    assert "12.34 USD" in by_day[FIRST]["costs"]
    assert "12.34 USD" not in by_day[LAST]["costs"]
    of_models = numbers(result, "llm_costs")
    assert {day: of.get("total_USD") for day, of in of_models.items()} == {FIRST: 1.500000001, LAST: None}
    assert {day: of["projects"] for day, of in of_models.items()} == {FIRST: 1, LAST: 1}
    assert [of["facts"] for of in numbers(result, "cost_alerts").values()] == [0, 0]
    assert all(checks(result).values())


@pytest.mark.usefixtures("_asking")
def test_the_schedule_leaves_final_days_alone_and_a_person_does_not(odd_aws: OddAws, pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    odd_aws.queue.append(page(period(FIRST, line("EC2", "p", "1")), period(LAST, line("EC2", "p", "2"))))
    run(pipelines)
    by_day = numbers(run(pipelines), "aws_costs")
    assert {day: (of["kept"], of["projects"]) for day, of in by_day.items()} == {FIRST: (1, 0), LAST: (1, 0)}
    odd_aws.queue.append(page(period(FIRST, line("EC2", "p", "3")), period(LAST, line("EC2", "p", "2"))))
    by_day = numbers(run(pipelines, by_schedule=False), "aws_costs")
    assert {day: of["total_USD"] for day, of in by_day.items()} == {FIRST: 3, LAST: 2}


@pytest.mark.usefixtures("_asking")
def test_without_credentials_there_is_a_warning_and_everything_else_goes_on(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    use(pipelines.database, FIRST, "gpt", 5)
    result = run(pipelines)
    assert result.success
    assert checks(result) == {
        ("aws_costs", "aws_available"): False,
        ("aws_costs", "unusual_costs"): False,
        ("llm_costs", "unusual_costs"): True,
    }
    severities = {e.severity for e in result.get_asset_check_evaluations() if not e.passed}
    assert severities == {dg.AssetCheckSeverity.WARN}
    states = {(d.source, d.state) for d in CostStore(pipelines.database).days("p", FIRST, LAST)}
    assert states == {("aws", "unavailable"), ("llm", "ok")}


def test_aws_is_not_asked_unless_the_setting_says_so(odd_aws: OddAws, pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    result = run(pipelines)
    assert odd_aws.asked == []
    assert "ML_GUARD_AWS_COSTS" in numbers(result, "aws_costs")[LAST]["state"]
    assert CostStore(pipelines.database).days("p", FIRST, LAST) == []


def test_checks_pass_on_sources_that_are_off_or_unused_and_give_the_reason(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    evaluations = run(pipelines).get_asset_check_evaluations()
    assert {(e.asset_key.to_user_string(), e.check_name, e.passed, e.description) for e in evaluations} == {
        ("aws_costs", "aws_available", True, AWS_OFF),
        ("aws_costs", "unusual_costs", True, AWS_OFF),
        ("llm_costs", "unusual_costs", True, "No project has called a language model yet"),
    }


def asked(pipelines: Pipelines, at: datetime = datetime(2026, 3, 10, 13, 30, tzinfo=UTC)) -> tuple[str, str]:
    with dg.build_schedule_context(
        instance=pipelines.instance, resources={"guard": Guard()}, scheduled_execution_time=at
    ) as context:
        request = every_bill(context)
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "costs 2026-03-09"
    tags = request.tags
    return tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]


def pulled(day: str, *, estimated: bool = False, cost: str = "1") -> CostDay:
    lines = (CostLine("EC2", "p", "USD", Decimal(cost), Decimal(cost)),)
    return CostDay("p", day, "aws", "ok", None, "utc_day", estimated, 1, lines)


@pytest.mark.usefixtures("_asking")
def test_the_schedule_asks_for_the_newest_day_and_what_is_not_done_with(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    store = CostStore(pipelines.database)
    assert asked(pipelines) == ("2026-03-09", "2026-03-09")
    store.replace([pulled(f"2026-03-0{n}") for n in range(1, 9)])
    assert asked(pipelines) == ("2026-03-09", "2026-03-09")
    store.replace([pulled("2026-03-05", estimated=True)])
    assert asked(pipelines) == ("2026-03-05", "2026-03-09")
    store.fail("p", "aws", ["2026-02-27"], "AWS cannot be reached", "utc_day")
    assert asked(pipelines) == ("2026-02-27", "2026-03-09")
    store.fail("p", "aws", ["2026-01-01"], "AWS cannot be reached", "utc_day")
    assert asked(pipelines) == ("2026-02-27", "2026-03-09"), "older than what is looked at again"


def test_usage_of_days_that_were_missed_is_asked_for(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    for day in ("2026-03-04", "2026-03-06"):
        use(pipelines.database, day, "gpt", 5)
    assert asked(pipelines) == ("2026-03-04", "2026-03-09")
    run(pipelines, "2026-03-04", "2026-03-09")
    assert asked(pipelines) == ("2026-03-09", "2026-03-09")


def test_usage_that_was_summed_before_its_day_was_over_is_summed_again(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    use(pipelines.database, "2026-03-05", "gpt", 5)
    at_noon = microseconds(datetime(2026, 3, 5, 12, tzinfo=UTC))
    early = CostDay("p", "2026-03-05", "llm", "ok", None, "local_day", estimated=True, pulled_us=at_noon)
    CostStore(pipelines.database).replace([early])
    assert asked(pipelines) == ("2026-03-05", "2026-03-09")
    run(pipelines, "2026-03-05", "2026-03-09")
    assert asked(pipelines) == ("2026-03-09", "2026-03-09")


@pytest.mark.usefixtures("_asking")
def test_a_day_that_costs_five_times_the_usual_is_a_finding_and_no_failure(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P")
    use(pipelines.database, LAST, "gpt", 5)
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(32)]
    usual = [pulled(day.isoformat(), cost=f"100.{day.day:02}") for day in days]
    CostStore(pipelines.database).replace([*usual[:-1], pulled(days[-1].isoformat(), cost="500")])
    result = run(pipelines)
    assert result.success
    found = [e for e in result.get_asset_check_evaluations() if "newest" in e.metadata]
    assert [(e.asset_key.to_user_string(), e.check_name) for e in found] == [("aws_costs", "unusual_costs")]
    assert "high: 500.00 USD, 100." in str(found[0].metadata["newest"].value)
