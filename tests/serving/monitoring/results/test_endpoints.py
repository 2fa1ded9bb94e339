"""Results over HTTP: every number that was stored, page by page; empty answers say why."""

from typing import Any

import httpx
import pytest

from guard_store.monitoring.performance import SlicePerformance
from ml.monitoring.verdicts.report import ColumnVerdict, DriftReport, SliceVerdict
from serving.app import Services
from tests.support.model_days import MODEL, Model, day_of

RESULTS = ("days", "metrics", "profiles", "drift")


async def read(client: httpx.AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_empty_answers_say_why(analyst: httpx.AsyncClient, model: Model, services: Services) -> None:
    await model.send(0)
    for what in RESULTS:
        nothing: dict[str, Any] = {"items": [], "next_cursor": None, "state": "no_events"}
        assert await read(analyst, f"{model.path}/{what}", start=day_of(1)) == nothing
    for what, state in (("metrics", "not_processed"), ("profiles", "not_processed"), ("drift", "missing_baseline")):
        assert (await read(analyst, f"{model.path}/{what}"))["state"] == state
    assert (await read(analyst, f"{model.path}/metrics", start=day_of(1)))["state"] == "no_events"
    model.profile(0)
    missing = {"dimension": "segment", "value": "gold"}
    assert (await read(analyst, f"{model.path}/metrics", **missing))["state"] == "no_such_slice"


async def test_models_say_what_they_have(analyst: httpx.AsyncClient, model: Model, project: str) -> None:
    path = f"/api/v1/projects/{project}/models"
    assert (await read(analyst, path))["state"] == "no_events"
    await model.send(0)
    await model.send(2, rows=5)
    assert (await read(analyst, path))["items"] == [
        {
            "model_id": MODEL,
            "events": 8,
            "first_day": day_of(0),
            "last_day": day_of(2),
            "pending_days": 2,
            "failed_days": 0,
        }
    ]


async def test_news_count_what_came_and_say_how_far_it_is(analyst: httpx.AsyncClient, model: Model) -> None:
    await model.send(0)
    await model.send(0)
    await model.send(1)
    model.mark(1, failed_revision=1, attempts=2, error="no such column")
    first, second = (await read(analyst, f"{model.path}/days"))["items"]
    assert (first["day"], first["events"], first["late"], first["duplicates"]) == (day_of(0), 3, 3, 3)
    assert (first["state"], first["revision"], first["profile_revision"]) == ("pending", 1, 0)
    assert (second["state"], second["attempts"], second["error"]) == ("failed", 2, "no such column")
    model.mark(0, lake_revision=1, profile_revision=1, drift_revision=1, performance_revision=1, retrain_revision=1)
    assert (await read(analyst, f"{model.path}/days"))["items"][0]["state"] == "done"


async def test_rejections_are_counted_by_day_of_arrival_and_field(
    analyst: httpx.AsyncClient, model: Model, project: str
) -> None:
    path = f"/api/v1/projects/{project}/rejections"
    assert (await read(analyst, path))["state"] == "no_rejections"
    assert (await model.send(0, latency_ms=-1))["rejected"] == 3
    (item,) = (await read(analyst, path))["items"]
    assert (item["model_id"], item["field"], item["count"]) == (MODEL, "latency_ms", 3)


async def test_metrics_are_those_that_were_stored(analyst: httpx.AsyncClient, model: Model) -> None:
    await model.send(0)
    model.profile(0)
    (item,) = (await read(analyst, f"{model.path}/metrics"))["items"]
    assert (item["day"], item["count"], item["dimension"], item["value"]) == (day_of(0), 3, None, None)
    assert item["latency"]["p50"] == 11.0
    assert item["features"]["age"]["mean"] == 1.0
    assert (item["lake_version"], item["run_id"]) == (7, "run")
    (of_endpoint,) = (await read(analyst, f"{model.path}/metrics", dimension="endpoint", value="predict"))["items"]
    assert (of_endpoint["dimension"], of_endpoint["value"]) == ("endpoint", "predict")
    slices = (await read(analyst, f"{model.path}/slices", day=day_of(0)))["items"]
    assert [slice_["value"] for slice_ in slices] == [None, "predict"]
    assert (await read(analyst, f"{model.path}/slices", day=day_of(1)))["state"] == "no_events"


async def test_profiles_show_columns_without_the_lakes_prefix(analyst: httpx.AsyncClient, model: Model) -> None:
    await model.send(0)
    model.profile(0)
    answer = await analyst.get(f"{model.path}/profiles")
    assert "feature_" not in answer.text
    (item,) = answer.json()["items"]
    assert set(item["features"]) == {"age", "carrier"}
    assert set(item["envelope"]) == {"latency_ms", "y_pred"}
    assert item["features"]["age"]["quantiles"]["p50"] == 1.0
    assert item["features"]["carrier"]["categories"] == [{"value": "AA", "count": 3}]
    assert "knots" not in item["features"]["age"]
    (detailed,) = (await read(analyst, f"{model.path}/profiles", detail=True))["items"]
    assert detailed["features"]["age"]["knots"] == [0.0, 1.0, 2.0]
    assert detailed["features"]["age"]["upto"] == [1, 2, 3]


async def test_drift_shows_verdicts_by_feature(
    analyst: httpx.AsyncClient, model: Model, services: Services, project: str
) -> None:
    verdicts = (
        ColumnVerdict("feature_age", "numeric", "drift", "moved", "psi", 0.5, n=3, m=9),
        ColumnVerdict("latency_ms", "numeric", "stable", "as before"),
    )
    of_slice = SliceVerdict("segment", "eu", "drift", "moved", 2, 3, 9, 4, verdicts[:1])
    report = DriftReport("drift", "1 of 2 columns", verdicts, (of_slice,), 5).to_dict()
    services.drift_reports.replace(
        project, MODEL, day_of(0), state="drift", baseline_id=None, window_days=4, report=report, revision=1, run_id="r"
    )
    answer = await analyst.get(f"{model.path}/drift")
    assert "feature_" not in answer.text
    (item,) = answer.json()["items"]
    assert (item["day"], item["state"], item["reason"], item["window_days"]) == (
        day_of(0),
        "drift",
        "1 of 2 columns",
        4,
    )
    assert (item["drifted"], item["warned"]) == (["age"], [])
    assert item["features"]["age"]["effect"] == 0.5
    assert item["envelope"]["latency_ms"]["state"] == "stable"
    assert item["summary"]["stable"] == 1
    (part,) = item["slices"]
    assert (part["dimension"], part["value"], part["state"], part["rows"]) == ("segment", "eu", "drift", 2)
    assert (part["n"], part["m"], part["window_days"], part["drifted"], part["warned"]) == (3, 9, 4, ["age"], [])
    assert (part["features"]["age"]["effect"], part["envelope"], item["omitted_slices"]) == (0.5, {}, 5)


async def test_days_come_in_pages_each_once_and_in_order(analyst: httpx.AsyncClient, model: Model) -> None:
    for number in range(5):
        await model.send(number, rows=1)
        model.profile(number, rows=1)
    for what in ("days", "metrics", "profiles"):
        days: list[str] = []
        params: dict[str, Any] = {"limit": 2, "start": day_of(0), "end": day_of(4)}
        while True:
            page = await read(analyst, f"{model.path}/{what}", **params)
            assert len(page["items"]) <= 2
            days += [item["day"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            params["cursor"] = page["next_cursor"]
        assert days == [day_of(number) for number in range(5)]
        within = await read(analyst, f"{model.path}/{what}", start=day_of(1), end=day_of(2))
        assert [item["day"] for item in within["items"]] == [day_of(1), day_of(2)]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"start": "2013-02-01", "end": "2013-01-31"}, "start"),
        ({"start": "2013-1-1"}, "start"),
        ({"start": "20130101"}, "start"),
        ({"end": "2013-02-30"}, "end"),
        ({"end": "1356998400"}, "end"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
    ],
)
async def test_a_range_that_is_none_is_422_and_named(
    analyst: httpx.AsyncClient, model: Model, params: dict[str, Any], field: str
) -> None:
    await model.send(0)
    for what in RESULTS:
        answer = await analyst.get(f"{model.path}/{what}", params=params)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field


async def test_half_a_slice_is_422(analyst: httpx.AsyncClient, model: Model) -> None:
    await model.send(0)
    for params in ({"dimension": "segment"}, {"value": "x"}, {"dimension": "feature", "value": "x"}):
        assert (await analyst.get(f"{model.path}/metrics", params=params)).status_code == 422


async def test_an_unknown_project_is_404(analyst: httpx.AsyncClient) -> None:
    for path in ("models", "rejections", *(f"models/m/{what}" for what in (*RESULTS, "baselines", "kinds"))):
        assert (await analyst.get(f"/api/v1/projects/none/{path}")).status_code == 404


async def test_performance_is_what_was_stored_by_slice(
    analyst: httpx.AsyncClient, model: Model, services: Services
) -> None:
    await model.send(0)
    assert (await read(analyst, f"{model.path}/performance", start=day_of(1)))["state"] == "no_events"
    assert (await read(analyst, f"{model.path}/performance"))["state"] == "not_processed"
    model.mark(0, lake_revision=1, profile_revision=1, drift_revision=1, performance_revision=1, retrain_revision=1)
    assert (await read(analyst, f"{model.path}/performance"))["state"] == "no_labels"
    report = {"realised": {"n": 2, "metrics": {}}, "estimated": None, "check": None}
    slices = [
        SlicePerformance("", "", "binary", 4, 2, report),
        SlicePerformance("segment", "a", "binary", 1, 0, report),
    ]
    key = (services.projects.page()[0].id, MODEL, day_of(0))
    services.performance.replace_day(*key, slices, baseline_id=None, lake_version=3, revision=1, run_id="run")
    (whole,) = (await read(analyst, f"{model.path}/performance"))["items"]
    assert (whole["events"], whole["labelled"], whole["coverage"]) == (4, 2, 0.5)
    assert (whole["realised"], whole["estimated"], whole["lake_version"]) == (report["realised"], None, 3)
    (part,) = (await read(analyst, f"{model.path}/performance", dimension="segment", value="a"))["items"]
    assert (part["dimension"], part["value"], part["coverage"]) == ("segment", "a", 0)
