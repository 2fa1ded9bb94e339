"""An installation with every kind of stored result, and its metrics as Prometheus reads them."""

from decimal import Decimal

import httpx
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from guard_core.days import local_days, now_us
from guard_store.alerts.tables import incidents
from guard_store.costs.rows import CostDay, CostLine
from guard_store.costs.store import CostStore
from guard_store.day_state.tables import day_states
from guard_store.day_state.ticks import UNPROCESSED_DAYS, TickStore
from guard_store.retraining.decisions import write_decision
from ml.monitoring.verdicts.report import ColumnVerdict
from serving.app import Services
from tests.support.gateway import spend
from tests.support.model_days import MODEL, Model
from tests.support.model_history import ModelHistory

Labels = frozenset[tuple[str, str]]


async def store_every_result(services: Services, project: str, model: Model) -> None:
    """Store two days of a model: the first is done, the second waits; and costs, a budget, an incident, a champion, a tick."""
    await model.send(0)
    await model.send(1)
    history = ModelHistory(services, project)
    history.store_report(0, ColumnVerdict("feature_age", "numeric", "drift", "a test"), state="drift")
    history.store_report(
        1,
        ColumnVerdict("feature_age", "numeric", "drift", "a test"),
        ColumnVerdict("feature_carrier", "categorical", "drift", "a test"),
        ColumnVerdict("y_pred", "categorical", "stable", "a test"),
        state="drift",
    )
    baseline_id = history.capture_baseline(roc_auc=0.8)
    history.store_performance(0, {("", ""): 0.7, ("endpoint", "predict"): 0.1}, baseline_id=baseline_id)
    stages = ("lake", "profile", "drift", "performance", "retrain")  # marked last, because a baseline makes days due
    model.mark(0, **{f"{stage}_revision": day_states.c.revision for stage in stages})
    services.gateway.budgets.put("project", project, "cost_usd", "day", soft=None, hard=40_000_000)
    await spend(services, project, local_days("America/New_York").of(now_us()))
    lines = (CostLine("S3", project, "USD", Decimal("2.5"), Decimal("2.5")),)
    old = CostDay(project, "2026-01-29", "aws", "ok", None, "utc_day", estimated=False, pulled_us=1, lines=())
    new = CostDay(project, "2026-01-30", "aws", "ok", None, "utc_day", estimated=False, pulled_us=1, lines=lines)
    CostStore(services.database).replace([old, new])
    TickStore(services.database).record(UNPROCESSED_DAYS, 1_700_000_000_000_000)
    with services.database.write() as connection:
        write_decision(connection, project, MODEL, "promoted", version="3", reason="better", actor=None)
        row = {"project_id": project, "model_id": MODEL, "state": "open", "messages": 0, "opened_us": 1}
        connection.execute(insert(incidents), {"id": "incident", **row})


async def read_samples(client: httpx.AsyncClient) -> dict[str, dict[Labels, float]]:
    """Return the samples at `/metrics` by name and labels; names without a sample are there too."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    samples: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(answer.text):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        for suffix in suffixes:
            samples.setdefault(family.name + suffix, {})
        for sample in family.samples:
            values = samples.setdefault(sample.name, {})
            key = frozenset(sample.labels.items())
            assert key not in values, f"{sample.name} has a series twice"
            values[key] = sample.value
    return samples
