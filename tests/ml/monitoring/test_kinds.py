"""What kind a column is learned to be, from values as parsed JSON."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guard_core.columns import KINDS, Kind
from ml.monitoring.kinds import MAX_CLASS_LABELS, learn_kind, learn_prediction_kind

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=50)
SENTENCES = [f"Flight {i} was late because of the weather in Newark" for i in range(100)]


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        ([1, 2, 3], "numeric"),
        ([1.5, None], "numeric"),
        ([0, 1], "numeric"),
        ([True, False, None], "boolean"),
        (["UA", "AA", None], "categorical"),
        ([np.float64(1.5), np.int64(2)], "numeric"),
        ([np.True_], "boolean"),
        ([None, None], None),
        ([], None),
    ],
)
def test_values_of_one_type_have_its_kind(sample: list[object], kind: Kind | None) -> None:
    assert learn_kind(sample) == kind


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        ([1, 2, "n/a"], "numeric"),
        (["a", "b", 1], "categorical"),
        ([True, True, 1], "boolean"),
        ([True, 1, None, None, None], "numeric"),
        (["a", 1, True], "categorical"),
    ],
)
def test_of_mixed_types_the_majority_decides_and_on_a_tie_the_more_general(sample: list[object], kind: Kind) -> None:
    assert learn_kind(sample) == kind


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        (SENTENCES, "text"),
        ([*SENTENCES, None], "text"),
        (SENTENCES[:5] * 20, "categorical"),
        (SENTENCES[:3], "categorical"),
        ([f"customer-{i}" for i in range(100)], "categorical"),
        ([sentence for sentence in SENTENCES for _ in range(3)], "categorical"),
    ],
    ids=["distinct and long", "with nulls", "repeated", "too few", "distinct but short", "long but repeated"],
)
def test_text_is_long_and_mostly_distinct(sample: list[object], kind: Kind) -> None:
    assert learn_kind(sample) == kind


@pytest.mark.parametrize("value", [[1], {"a": 1}, b"x"])
def test_a_nested_value_is_an_error_that_names_its_type(value: object) -> None:
    with pytest.raises(TypeError, match=f"not {type(value).__name__}"):
        learn_kind([1, value])


@given(st.lists(scalars, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_the_sample_and_a_trip_through_json_do_not_matter(sample: list[object], random: object) -> None:
    kind = learn_kind(sample)
    assert kind in {*KINDS, None}
    assert (kind is None) == all(value is None for value in sample)
    shuffled = json.loads(json.dumps(sample))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert learn_kind(shuffled) == kind
    assert learn_prediction_kind(shuffled) == learn_prediction_kind(sample)


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        ([0, 1, 1, None], "categorical"),
        ([0.0, 1.0], "categorical"),
        ([True, False], "categorical"),
        (["late", "on time"], "categorical"),
        (SENTENCES, "categorical"),
        (list(range(MAX_CLASS_LABELS)), "categorical"),
        (list(range(MAX_CLASS_LABELS + 1)), "numeric"),
        ([0.5, 1.0], "numeric"),
        ([float("inf"), 1.0], "numeric"),
        ([None], None),
    ],
)
def test_predictions_are_class_labels_or_numbers(sample: list[object], kind: Kind | None) -> None:
    assert learn_prediction_kind(sample) == kind
