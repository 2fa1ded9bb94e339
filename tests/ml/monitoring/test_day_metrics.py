"""The numbers of a day, against the raw rows that they describe."""

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from guard_core.columns import Kind
from ml.monitoring.day_metrics import TOP_CATEGORIES, day_metrics
from ml.monitoring.profiles.build import profile_table
from ml.monitoring.profiles.table import TableProfile


def _metrics(columns: dict[str, Any], **kinds: Kind) -> dict[str, Any]:
    """Through JSON, which must not need NaN."""
    profile = profile_table(pa.table(columns), kinds)["", ""]
    metrics: dict[str, Any] = json.loads(json.dumps(day_metrics(profile), allow_nan=False))
    return metrics


def test_latency_probability_and_numeric_features_are_those_of_the_rows() -> None:
    rng = np.random.default_rng(1)
    latency, probability, x = rng.lognormal(3, 1, 1000), rng.random(1000), rng.normal(size=1000)
    metrics = _metrics(
        {"latency_ms": latency, "y_proba": probability, "feature_x": [*x[:-2], None, math.nan]}, feature_x="numeric"
    )
    assert metrics["count"] == 1000
    assert metrics["latency"] == pytest.approx(
        {
            "mean": latency.mean(),
            "p50": np.quantile(latency, 0.5),
            "p95": np.quantile(latency, 0.95),
            "p99": np.quantile(latency, 0.99),
            "min": latency.min(),
            "max": latency.max(),
        }
    )
    assert metrics["probability"] == pytest.approx(
        {"mean": probability.mean(), "std": probability.std(ddof=1), "p50": np.median(probability)}
    )
    known = x[:-2]
    shares = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
    feature = metrics["features"]["x"]
    assert feature.pop("kind") == "numeric"
    assert feature == pytest.approx(
        {
            "count": 1000,
            "nulls": 1,
            "non_finite": 1,
            "mean": known.mean(),
            "std": known.std(ddof=1),
            "min": known.min(),
            "max": known.max(),
            **{name: np.quantile(known, share) for name, share in shares.items()},
        }
    )


def test_categorical_features_list_their_top_values_and_count_the_rest() -> None:
    values = [f"v{i:02d}" for i in range(30) for _ in range(31 - i)] + [None] * 5
    feature = _metrics({"feature_c": values}, feature_c="categorical")["features"]["c"]
    seen = len(values) - 5
    assert (feature["kind"], feature["count"], feature["nulls"], feature["distinct"]) == (
        "categorical",
        len(values),
        5,
        30,
    )
    assert len(feature["top"]) == TOP_CATEGORIES
    assert feature["top"][0] == {"value": "v00", "count": 31, "share": pytest.approx(31 / seen)}
    assert feature["other"] + sum(entry["count"] for entry in feature["top"]) == seen


@pytest.mark.parametrize(
    ("labels", "rate"),
    [
        (["1", "0", "0", "0", None], 0.25),
        ([1, 0, 0, 0, None], 0.25),
        ([True, False, False, False], 0.25),
        (["yes", "no"], 0.5),
        (["0", "0"], 0.0),
        (["1"], 1.0),
        (["late", "on time"], None),
        (["0", "1", "2"], None),
        ([None], None),
    ],
)
def test_the_prediction_rate_is_the_share_of_the_positive_of_two_labels(
    labels: list[object], rate: float | None
) -> None:
    prediction = _metrics({"y_pred": labels}, y_pred="categorical")["prediction"]
    assert prediction["rate"] == rate


def test_class_shares_add_up_with_those_of_the_others() -> None:
    labels = [f"class-{i}" for i in range(30)]
    prediction = _metrics({"y_pred": labels}, y_pred="categorical")["prediction"]
    assert len(prediction["classes"]) == TOP_CATEGORIES
    assert sum(prediction["classes"].values()) + prediction["other"] == pytest.approx(1.0)


def test_numeric_predictions_have_moments_and_quantiles() -> None:
    prediction = _metrics({"y_pred": [1.0, 2.0, 6.0]}, y_pred="numeric")["prediction"]
    assert (prediction["kind"], prediction["mean"], prediction["p50"], prediction["max"]) == ("numeric", 3.0, 2.0, 6.0)
    assert prediction["std"] == pytest.approx(np.std([1.0, 2.0, 6.0], ddof=1))


def test_what_does_not_exist_is_null_and_never_zero() -> None:
    metrics = _metrics(
        {"latency_ms": pa.nulls(2), "feature_x": pa.nulls(2), "feature_c": pa.nulls(2), "y_pred": pa.nulls(2)},
        feature_x="numeric",
        feature_c="categorical",
        y_pred="categorical",
    )
    assert set(metrics["latency"].values()) == {None}
    assert metrics["probability"] is None
    assert (metrics["prediction"]["rate"], metrics["prediction"]["other"]) == (None, None)
    assert (metrics["features"]["x"]["mean"], metrics["features"]["x"]["nulls"]) == (None, 2)
    assert metrics["features"]["c"]["top"] == []


def test_values_whose_spread_leaves_float64_stay_valid_json() -> None:
    feature = _metrics({"feature_x": [1e308, -1e308]}, feature_x="numeric")["features"]["x"]
    assert (feature["mean"], feature["std"], feature["max"]) == (0.0, None, 1e308)


def test_a_profile_without_columns_has_only_its_count() -> None:
    assert day_metrics(TableProfile(3, {})) == {
        "count": 3,
        "latency": None,
        "prediction": None,
        "probability": None,
        "labels": None,
        "features": {},
    }


def test_only_features_are_listed_and_without_their_prefix() -> None:
    metrics = _metrics({"feature_feature_x": [1.0], "latency_ms": [1.0]}, feature_feature_x="numeric")
    assert list(metrics["features"]) == ["feature_x"]


def test_labels_say_how_many_rows_have_one() -> None:
    labels = _metrics({"y_true": ["1", None, "0", None]}, y_true="categorical")["labels"]
    assert (labels["labelled"], labels["coverage"], labels["rate"]) == (2, 0.5, 0.5)
