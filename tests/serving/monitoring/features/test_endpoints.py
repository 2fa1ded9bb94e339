"""One column of a day over HTTP: the stored verdict, both distributions over the same bins, and the history."""

from typing import Any

import httpx
import numpy as np
import pytest

from guard_core.project_settings.drift import DriftSettings
from serving.app import Services
from tests.support.judged_days import JudgedDays
from tests.support.model_days import Model, day_of


@pytest.fixture
def days(services: Services, project: str) -> JudgedDays:
    return JudgedDays(services, project, DriftSettings(windows=(1, 3)))


async def read(client: httpx.AsyncClient, model: Model, number: int, feature: str, **params: Any) -> dict[str, Any]:
    answer = await client.get(f"{model.path}/drift/{day_of(number)}/features/{feature}", params=params)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_column_of_numbers_has_its_stored_verdict_and_both_histograms(
    analyst: httpx.AsyncClient, model: Model, days: JudgedDays
) -> None:
    rng = np.random.default_rng(1)
    days.capture({"feature_age": (rng.integers(20, 30, 2_000) * 1.0).tolist()})
    days.add(1, {"feature_age": [*(rng.integers(25, 35, 500) * 1.0), None, float("nan")]})
    body = await read(analyst, model, 1, "age")
    assert (body["state"], body["verdict"]["state"], body["verdict"]["method"]) == ("drift", "drift", "psi")
    verdict = body["verdict"]
    assert (verdict["n"], verdict["m"], verdict["independent"], verdict["window_days"]) == (500, 2_000, 500, 1)
    assert verdict["drift_threshold"] == 0.2
    assert verdict["about"] == "values"
    histogram = body["histogram"]
    assert histogram["edges"][:2] == [19.5, 20.5]
    assert len(histogram["baseline"]) == len(histogram["window"]) == len(histogram["edges"]) + 1
    assert (sum(histogram["baseline"]), sum(histogram["window"])) == (2_000, 500)
    sample = body["window_sample"]
    assert (sample["rows"], sample["values"], sample["nulls"] + sample["non_finite"]) == (502, 500, 2)
    assert 29 < sample["mean"] < 31
    assert body["categories"] is None


async def test_the_window_holds_the_days_of_the_verdict(
    analyst: httpx.AsyncClient, model: Model, days: JudgedDays
) -> None:
    rng = np.random.default_rng(1)
    days.capture({"feature_age": rng.normal(size=2_000)})
    for number in (1, 2, 3):
        days.add(number, {"feature_age": rng.normal(size=400)}, {"feature_age": 30.0})
    body = await read(analyst, model, 3, "age")
    assert body["state"] == "insufficient_data"
    assert body["verdict"]["window_days"] == 3
    assert body["window_sample"]["values"] == sum(body["histogram"]["window"]) == body["verdict"]["n"] == 1_200
    assert body["verdict"]["independent"] == 40


async def test_the_history_has_the_effect_that_an_unchanged_column_stays_below(
    analyst: httpx.AsyncClient, model: Model, days: JudgedDays
) -> None:
    rng = np.random.default_rng(1)
    days.capture({"feature_age": rng.normal(size=2_000), "feature_size": rng.normal(size=2_000)})
    days.add(1, {"feature_age": rng.normal(size=400), "feature_size": rng.normal(size=400)})
    days.add(2, {"feature_age": rng.normal(1, size=400), "feature_size": rng.normal(size=400)})
    days.add(4, {"feature_size": rng.normal(size=400)})
    history = (await read(analyst, model, 2, "age"))["history"]
    # The critical values of χ² at 0.5 % for two columns, times 1/400 + 1/2000: of ten bins, and of missing or not.
    same, moved, no_report, missing = history["noise_bounds"]
    assert (same, moved) == pytest.approx((25.46 * 0.003, 25.46 * 0.003), rel=1e-3)
    assert no_report is None
    assert missing == pytest.approx((9.141 * 0.003 / (8 * np.log(2))) ** 0.5, rel=1e-3)
    assert history["effects"][0] < same < history["effects"][1]


async def test_categories_are_those_of_the_baseline_and_the_unseen_ones(
    analyst: httpx.AsyncClient, model: Model, days: JudgedDays
) -> None:
    days.capture({"feature_carrier": ["AA"] * 600 + ["UA"] * 400})
    days.add(1, {"feature_carrier": ["AA"] * 100 + ["UA"] * 100 + ["XX"] * 50})
    body = await read(analyst, model, 1, "carrier")
    assert body["categories"] == {
        "names": ["AA", "UA"],
        "baseline": [600, 400],
        "window": [100, 100],
        "baseline_other": 0,
        "window_other": 0,
        "unseen": 50,
        "unseen_names": ["XX"],
        "unseen_counts": [50],
    }
    assert body["baseline"]["version"] == 1
    assert body["histogram"] is None


async def test_the_history_has_every_day_of_the_range_and_null_where_there_is_no_report(
    analyst: httpx.AsyncClient, model: Model, days: JudgedDays
) -> None:
    rng = np.random.default_rng(1)
    days.capture({"feature_age": rng.normal(size=2_000)})
    days.add(1, {"feature_age": rng.normal(size=500)})
    days.add(3, {"feature_age": [*(rng.normal(size=300) + 9), *[None] * 100]})
    history = (await read(analyst, model, 1, "age"))["history"]
    assert history["days"] == [day_of(1), day_of(2), day_of(3)]
    assert history["verdicts"] == ["stable", None, "drift"]
    assert history["methods"] == ["psi", None, "psi"]
    assert history["effects"][1] is None
    assert history["effects"][2] > 1
    assert history["missing_shares"] == [0, None, 0.25]
    assert history["unseen_shares"][2] == 1
    bounded = (await read(analyst, model, 1, "age", start=day_of(2), end=day_of(9)))["history"]
    assert bounded["days"] == [day_of(3)]


async def test_a_column_without_a_verdict_has_the_reason(
    analyst: httpx.AsyncClient, model: Model, days: JudgedDays
) -> None:
    await model.send(0)
    assert (await read(analyst, model, 5, "age"))["state"] == "no_events"
    assert (await read(analyst, model, 0, "age"))["state"] == "not_processed"
    days.add(1, {"feature_age": [1.0, 2.0]})
    body = await read(analyst, model, 1, "age")
    assert (body["state"], body["verdict"], body["baseline"]) == ("missing_baseline", None, None)
    assert body["window_sample"]["values"] == 2


async def test_names_with_a_slash_and_columns_of_the_event_itself_are_found(
    analyst: httpx.AsyncClient, model: Model, days: JudgedDays
) -> None:
    values = {'feature_a/b "c"': [1.0] * 300, "latency_ms": [1.0] * 300}
    days.capture(values)
    days.add(1, values)
    assert (await read(analyst, model, 1, "a%2Fb%20%22c%22"))["verdict"]["n"] == 300
    assert (await read(analyst, model, 1, "latency_ms"))["history"]["days"] == [day_of(1)]


async def test_a_feature_that_no_day_has_and_a_day_that_is_none_are_named(
    analyst: httpx.AsyncClient, model: Model, days: JudgedDays
) -> None:
    days.capture({"feature_age": [1.0] * 300})
    days.add(1, {"feature_age": [1.0] * 300})
    answer = await analyst.get(f"{model.path}/drift/{day_of(1)}/features/height")
    assert answer.status_code == 404
    assert "'height'" in answer.json()["detail"]
    answer = await analyst.get(f"{model.path}/drift/20130101/features/age")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "day", "reason": "must be a day like 2013-03-10"}]
