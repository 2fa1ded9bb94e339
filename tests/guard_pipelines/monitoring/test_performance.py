"""Performance of local days: realised when labels land, estimated before, checked after, by slice."""

from typing import Any

import numpy as np
import pytest

from guard_store.monitoring.performance import PerformanceStore, StoredPerformance
from guard_store.projects.store import ProjectStore
from tests.support.pipelines import Pipelines, capture_baseline
from tests.support.stored_events import event, store, store_labels

ROWS = 400


def send_day(pipelines: Pipelines, day: int, *, rows: int = ROWS, seed: int = 0, pull: float = 1.0) -> dict[str, Any]:
    """Events of a day whose probabilities are right where `pull` is 1; returns the true values by event id."""
    rng = np.random.default_rng([day, seed])
    proba = rng.uniform(0.05, 0.95, rows)
    truth = rng.random(rows) < proba * pull
    date = f"2013-01-{day:02d}"
    sent = [
        event(
            "p",
            "m",
            f"{date}T{12 + i % 5}:00:00Z",
            {"x": float(p)},
            y_pred=int(p > 0.5),
            y_proba=float(p),
            event_id=f"{date}-{seed}-{i}",
            segment="ab"[i % 2],
        )
        for i, p in enumerate(proba)
    ]
    store(pipelines.database, sent)
    return {row.event_id: int(true) for row, true in zip(sent, truth, strict=True)}


def performance(pipelines: Pipelines, slice_key: tuple[str, str] = ("", "")) -> dict[int, StoredPerformance]:
    found = PerformanceStore(pipelines.database).days("p", "m", "2013-01-01", "2013-01-31", slice_key)
    return {int(one.day[-2:]): one for one in found}


def values(report: Any) -> dict[str, float]:
    return {name: entry["value"] for name, entry in report["metrics"].items()}


@pytest.fixture
def project(pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("p", "P", "UTC")


def test_labels_that_land_late_give_their_day_its_realised_performance(pipelines: Pipelines, project: None) -> None:
    truth = send_day(pipelines, 1)
    pipelines.settle()
    assert performance(pipelines) == {}, "nothing can be said without labels and baseline"
    half = dict(list(truth.items())[: ROWS // 2])
    store_labels(pipelines.database, "p", half, observed_at="2013-01-02T00:00:00Z")
    pipelines.settle()
    store_labels(pipelines.database, "p", truth, observed_at="2013-01-03T00:00:00Z")
    pipelines.settle()
    day = performance(pipelines)[1]
    assert (day.task, day.events, day.labelled) == ("binary", ROWS, ROWS)
    assert day.report["estimated"] is None
    accuracy = day.report["realised"]["metrics"]["accuracy"]
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert 0.6 < accuracy["value"] < 0.9


def test_each_segment_has_its_own_rows(pipelines: Pipelines, project: None) -> None:
    truth = send_day(pipelines, 1)
    store_labels(pipelines.database, "p", truth, observed_at="2013-01-02T00:00:00Z")
    pipelines.settle()
    assert [performance(pipelines, ("segment", name))[1].labelled for name in "ab"] == [ROWS // 2, ROWS // 2]


def test_a_day_without_labels_is_estimated_and_the_estimate_checked_when_they_land(
    pipelines: Pipelines, project: None
) -> None:
    reference = send_day(pipelines, 1, rows=3_000)
    truth = send_day(pipelines, 2, rows=3_000)
    store_labels(pipelines.database, "p", reference, observed_at="2013-01-02T00:00:00Z")
    pipelines.settle()
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-01")
    pipelines.settle()
    before = performance(pipelines)[2]
    assert before.report["realised"] is None
    assert before.report["check"] is None
    store_labels(pipelines.database, "p", truth, observed_at="2013-01-05T00:00:00Z")
    pipelines.settle()
    after = performance(pipelines)[2]
    checked = after.report["check"]["metrics"]["roc_auc"]
    assert checked["estimated"] == pytest.approx(values(before.report["estimated"])["roc_auc"])
    assert checked["realised"] == values(after.report["realised"])["roc_auc"]
    assert abs(checked["error"]) < 0.03
    assert checked["within_band"]


def test_labels_that_land_in_the_baseline_have_the_other_days_estimated(pipelines: Pipelines, project: None) -> None:
    reference = send_day(pipelines, 1, rows=500)
    send_day(pipelines, 2)
    pipelines.settle()
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-01")
    pipelines.settle()
    assert performance(pipelines) == {}
    store_labels(pipelines.database, "p", reference, observed_at="2013-01-02T00:00:00Z")
    pipelines.settle()
    assert performance(pipelines)[2].report["estimated"]["method"] == "cbpe"
    assert all(item.done for item in pipelines.day_states.of_days(["2013-01-01", "2013-01-02"]))


def test_measuring_everything_again_changes_no_number(pipelines: Pipelines, project: None) -> None:
    truth = send_day(pipelines, 1)
    store_labels(pipelines.database, "p", truth, observed_at="2013-01-02T00:00:00Z")
    pipelines.settle()
    before = performance(pipelines)[1].report
    pipelines.run({"dagster/partition": "2013-01-01"})
    assert performance(pipelines)[1].report == before


def test_predictions_and_labels_of_many_spellings_are_measured_by_what_they_mean(
    pipelines: Pipelines, project: None
) -> None:
    spelt = {True: ["yes", "YES", 1, True, "1.0"], False: ["NO", "no", 0, False, "0"]}
    # Of ten events eight are right; of the five that are positive, four are predicted so.
    predicted, true = "YYYYNNNNNY", "YYYYYNNNNN"
    rows, truth = [], {}
    for i in range(200):
        key = f"event-{i}"
        answer = "Yes" if predicted[i % 10] == "Y" else "No"
        rows.append(event("p", "m", "2013-01-01T12:00:00Z", {"x": 1.0}, y_pred=answer, y_proba=None, event_id=key))
        truth[key] = spelt[true[i % 10] == "Y"][i // 10 % 5]
    store(pipelines.database, rows)
    store_labels(pipelines.database, "p", truth, observed_at="2013-01-02T00:00:00Z")
    pipelines.settle()
    day = performance(pipelines)[1]
    assert (day.task, day.labelled, day.report["positive_label"]) == ("binary", 200, "Yes")
    measured = values(day.report["realised"])
    assert (measured["accuracy"], measured["precision"], measured["recall"]) == pytest.approx((0.8, 0.8, 0.8))


def test_the_error_of_a_regression_without_labels_is_estimated_from_the_features(
    pipelines: Pipelines, project: None
) -> None:
    def send(day: int, rows: int, abroad: float) -> dict[str, Any]:
        rng = np.random.default_rng(day)
        date, truth, sent = f"2013-01-{day:02d}", {}, []
        for i in range(rows):
            region, price = "abroad" if rng.random() < abroad else "here", rng.uniform(30, 40)
            features = {"region": region, "carat": None if i % 10 == 0 else rng.random()}
            key = f"{date}-{i}"
            sent.append(
                event("p", "m", f"{date}T12:00:00Z", features, y_pred=price, y_proba=None, event_id=key),
            )
            truth[key] = price + (5.0 if region == "abroad" else 1.0) * rng.normal()
        store(pipelines.database, sent)
        return truth

    labels = send(1, 1_000, 0.2)
    truth = send(2, 1_000, 0.8)
    store_labels(pipelines.database, "p", labels, observed_at="2013-01-02T00:00:00Z")
    pipelines.settle()
    capture_baseline(pipelines, "p", "2013-01-01", "2013-01-01")
    pipelines.settle()
    estimate = values(performance(pipelines)[2].report["estimated"])
    store_labels(pipelines.database, "p", truth, observed_at="2013-01-05T00:00:00Z")
    pipelines.settle()
    day = performance(pipelines)[2]
    assert estimate["mae"] == pytest.approx(values(day.report["realised"])["mae"], rel=0.15)
    assert day.report["check"]["metrics"]["mae"]["within_band"]
