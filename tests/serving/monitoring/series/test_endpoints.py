"""A model's history over HTTP: one value a day, null where there is none, and the marks of what happened."""

from typing import Any

import httpx
import pytest

from guard_store.retraining.decisions import Actor, write_decision
from ml.monitoring.verdicts.report import ColumnVerdict
from serving.app import Services
from tests.support.model_days import MODEL, Model, day_of
from tests.support.model_history import ModelHistory

ADMIN = Actor("key-1", "admin", None)
WHOLE = ("", "")


@pytest.fixture
def history(services: Services, project: str) -> ModelHistory:
    return ModelHistory(services, project)


async def read(client: httpx.AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def decide(services: Services, project: str, action: str, version: str, **values: Any) -> None:
    with services.database.write() as connection:
        write_decision(connection, project, MODEL, action, reason="a test", actor=None, version=version, **values)  # type: ignore[arg-type]


async def test_a_model_without_events_is_not_found(analyst: httpx.AsyncClient, model: Model) -> None:
    answer = await analyst.get(model.path)
    assert answer.status_code == 404
    assert "has no model 'late'" in answer.json()["detail"]


async def test_a_model_is_summarised_with_its_newest_metric_and_versions(
    analyst: httpx.AsyncClient, model: Model, services: Services, project: str, history: ModelHistory
) -> None:
    await model.send(0)
    await model.send(2)
    baseline_id = history.capture_baseline(roc_auc=0.8)
    history.store_performance(0, {WHOLE: 0.7}, baseline_id=baseline_id)
    history.store_performance(2, {WHOLE: None}, baseline_id=baseline_id)
    history.store_report(2, ColumnVerdict("feature_age", "numeric", "drift", "moved"), state="drift")
    decide(services, project, "promoted", "1")
    decide(services, project, "rejected", "2")
    body = await read(analyst, model.path)
    assert (body["first_day"], body["last_day"], body["events"]) == (day_of(0), day_of(2), 6)
    assert body["metric"] == pytest.approx(
        {"name": "roc_auc", "day": day_of(0), "value": 0.7, "low": 0.6, "high": 0.8, "baseline": 0.8}
    )
    assert (body["champion"]["version"], body["challenger"]["version"]) == ("1", "2")
    assert body["challenger"]["decision"] == "rejected"
    assert (body["verdict"], body["drifted"], body["baseline"]["version"]) == ("drift", ["age"], 1)


async def test_the_matrix_has_a_verdict_a_day_and_states_what_an_impossible_one_takes(
    analyst: httpx.AsyncClient, model: Model, history: ModelHistory
) -> None:
    for number in range(4):
        await model.send(number)
    history.store_report(0, state="missing_baseline")
    uncertain = ColumnVerdict(
        "feature_age", "numeric", "insufficient_data", "too few", "psi", 0.05, drift_threshold=0.2, n=30, window_days=3
    )
    history.store_report(1, uncertain, ColumnVerdict("y_pred", "categorical", "stable", "as before"))
    required = ColumnVerdict(
        "feature_age",
        "numeric",
        "insufficient_data",
        "fewer",
        "psi",
        0.5,
        drift_threshold=0.2,
        n=30,
        window_days=3,
        required_n=95,
    )
    history.store_report(2, required)
    matrix = await read(analyst, f"{model.path}/drift/matrix")
    assert matrix["days"] == [day_of(number) for number in range(4)]
    assert matrix["states"] == ["missing_baseline", "stable", "stable", None]
    age, prediction = matrix["columns"]
    assert (age["name"], age["importance"], age["reason"]) == ("age", None, "fewer")
    assert age["verdicts"] == ["missing_baseline", "insufficient_data", "insufficient_data", None]
    assert age["shades"] == [None, 0.25, 1.0, None]
    assert age["required_days"] == [None, None, 10, None]
    assert age["more_days"] == [None, None, 7, None]
    assert (matrix["judged_day"], age["ratio"], prediction["ratio"]) == (day_of(2), 2.5, None)
    assert prediction["verdicts"] == ["missing_baseline", "stable", None, None]
    within = await read(analyst, f"{model.path}/drift/matrix", start=day_of(1), end=day_of(1))
    assert within["days"] == [day_of(1)]


async def test_series_align_what_arrived_with_how_good_it_was(
    analyst: httpx.AsyncClient, model: Model, history: ModelHistory
) -> None:
    await model.send(0)
    await model.send(1)
    model.profile(0)
    baseline_id = history.capture_baseline(roc_auc=0.8)
    history.store_performance(0, {WHOLE: 0.6}, baseline_id=baseline_id)
    series = await read(analyst, f"{model.path}/series")
    assert (series["days"], series["events"], series["metric"]) == ([day_of(0), day_of(1)], [3, 3], "roc_auc")
    assert series["latency_p50"] == [11.0, None]
    assert series["predicted_rate"] == pytest.approx([1 / 3, None])
    assert series["label_rate"] == [None, None]
    assert series["realised"] == {"values": [0.6, None], "low": [0.5, None], "high": [0.7, None]}
    assert (series["estimated"]["values"], series["baseline"]) == ([0.75, None], [0.8, None])


async def test_a_window_averages_the_metric_over_the_days_before(
    analyst: httpx.AsyncClient, model: Model, history: ModelHistory
) -> None:
    for number, value in enumerate((0.6, 0.8, 0.7)):
        await model.send(number)
        history.store_performance(number, {WHOLE: value})
    series = await read(analyst, f"{model.path}/series", window=2)
    assert series["realised"]["values"] == pytest.approx([0.6, 0.7, 0.75])
    assert series["realised"]["low"][1] == pytest.approx(0.7 - 0.1 / 2**0.5)


async def test_the_timeline_has_versions_baselines_and_flags_on_their_days(
    analyst: httpx.AsyncClient, model: Model, services: Services, project: str, history: ModelHistory
) -> None:
    await model.send(0)
    history.capture_baseline(from_day=day_of(1))
    as_of = 1_357_146_000_000_000  # 2013-01-02T12:00 in New York
    flag = services.retrain_flags.force(
        project, MODEL, day_of(0), as_of_us=as_of, reason="the first model", actor=ADMIN
    )
    assert flag is not None
    decide(services, project, "promoted", "1", details={"flag_id": flag.id})
    marks = (await read(analyst, f"{model.path}/timeline", end=day_of(5)))["marks"]
    assert [(mark["day"], mark["kind"], mark["name"], mark["text"]) for mark in marks] == [
        (day_of(0), "flag", "open", "the first model"),
        (day_of(1), "baseline", "1", f"{day_of(0)} to {day_of(0)}"),
        (day_of(1), "promoted", "1", "a test"),
    ]


async def test_slices_are_listed_the_worst_first_with_those_that_have_no_labels_last(
    analyst: httpx.AsyncClient, model: Model, history: ModelHistory
) -> None:
    gold, lead, tin = ("segment", "gold"), ("segment", "lead"), ("segment", "tin")
    history.store_performance(0, {WHOLE: 0.7, gold: 0.8, lead: 0.6, tin: None})
    history.store_performance(1, {WHOLE: 0.7, lead: 0.5})
    history.store_performance(2, {WHOLE: None})
    slices = await read(analyst, f"{model.path}/slices/series")
    assert (slices["days"], slices["metric"], slices["whole"]["n"]) == ([day_of(0), day_of(1)], "roc_auc", 200)
    assert [item["value"] for item in slices["slices"]] == ["lead", "gold", "tin"]
    worst, _, unlabelled = slices["slices"]
    assert (worst["mean"], worst["n"], worst["by_day"]["values"]) == (pytest.approx(0.55), 200, [0.6, 0.5])
    assert worst["by_day"]["low"][0] < 0.6 < worst["by_day"]["high"][0]
    assert (unlabelled["mean"], unlabelled["n"]) == (None, 0)
