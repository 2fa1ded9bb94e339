"""A categorical profile against the raw values that it summarises."""

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.monitoring.profiles.categorical import MAX_CATEGORIES, CategoricalProfile

labels = st.lists(st.none() | st.sampled_from(["a", "b", "ü", "", "☃"]) | st.text(max_size=3), max_size=60)


@given(labels)
def test_counts_are_exact_and_ordered_by_frequency_then_value(column: list[str | None]) -> None:
    profile = CategoricalProfile.from_values(pa.array(column, pa.string()))
    counted = Counter(value for value in column if value is not None)
    assert list(profile.counts.items()) == sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    assert (profile.count, profile.nulls, profile.other) == (len(column), column.count(None), 0)
    assert profile.non_null == counted.total()


@given(labels, st.integers(1, 59))
def test_dictionaries_and_chunks_make_no_difference(column: list[str | None], cut: int) -> None:
    plain = pa.array(column, pa.string())
    chunks = [plain[:cut].dictionary_encode(), plain[cut:].dictionary_encode()]
    whole = CategoricalProfile.from_values(plain)
    for other in (plain.dictionary_encode(), pa.chunked_array(chunks), pa.chunked_array([plain[:cut], plain[cut:]])):
        profile = CategoricalProfile.from_values(other)
        assert list(profile.counts.items()) == list(whole.counts.items())
        assert (profile.count, profile.nulls) == (whole.count, whole.nulls)


def test_a_dictionary_may_hold_nulls_repeated_and_unused_values() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3, None]), pa.array(["a", "b", "a", None, "unused"]))
    profile = CategoricalProfile.from_values(column)
    assert (dict(profile.counts), profile.nulls) == ({"a": 2, "b": 1}, 2)


def test_a_slice_counts_only_its_own_rows() -> None:
    column = pa.array(["a", "b", "b", None]).dictionary_encode()
    assert dict(CategoricalProfile.from_values(column.slice(1, 2)).counts) == {"b": 2}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([True, False, True, None]), {"true": 2, "false": 1}),
        (pa.array([1, 0, 1, None], pa.int64()), {"1": 2, "0": 1}),
        (pa.array([1.0, 0.5, 1.0, None]), {"1": 2, "0.5": 1}),
        (pa.array([1, 0, 1, None]).dictionary_encode(), {"1": 2, "0": 1}),
        (pa.array(["x", "y", "x", None], pa.large_string()), {"x": 2, "y": 1}),
        (pa.nulls(1), {}),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_booleans_and_class_numbers_become_labels(column: pa.Array, expected: dict[str, int]) -> None:
    profile = CategoricalProfile.from_values(column)
    assert (dict(profile.counts), profile.nulls) == (expected, 1)


def test_not_a_number_and_infinity_are_labels_too() -> None:
    profile = CategoricalProfile.from_values(pa.array([math.nan, math.inf]))
    assert dict(profile.counts) == {"inf": 1, "nan": 1}


def test_values_without_labels_are_an_error_that_names_the_type() -> None:
    with pytest.raises(ValueError, match=r"must hold strings, booleans or numbers, not list"):
        CategoricalProfile.from_values(pa.array([[1]]))


def test_of_many_values_the_top_1000_are_kept_and_ties_go_by_value() -> None:
    frequent = [f"often-{i}" for i in range(990)] * 3
    rare = [f"once-{i:05d}" for i in range(5000)]
    column = np.random.default_rng(1).permutation(np.array(frequent + rare, dtype=object))
    profile = CategoricalProfile.from_values(pa.array(column.tolist()))
    assert len(profile.counts) == MAX_CATEGORIES
    assert [value for value in profile.counts if value.startswith("once")] == [f"once-{i:05d}" for i in range(10)]
    assert list(profile.counts)[:2] == ["often-0", "often-1"]
    assert profile.other == 4990
    assert profile.other + sum(profile.counts.values()) == profile.non_null == column.size


def test_shares_are_of_the_rows_that_have_a_value() -> None:
    profile = CategoricalProfile.from_values(pa.array(["a", "a", "b", None]))
    assert profile.share("a") == pytest.approx(2 / 3)
    assert profile.share("never seen") == 0.0
    assert math.isnan(CategoricalProfile.from_values(pa.nulls(2)).share("a"))


@given(st.lists(labels, min_size=1, max_size=4))
def test_merging_equals_profiling_all_rows_in_any_order_and_grouping(columns: list[list[str | None]]) -> None:
    profiles = [CategoricalProfile.from_values(pa.array(column, pa.string())) for column in columns]
    everything = [value for column in columns for value in column]
    whole = CategoricalProfile.from_values(pa.array(everything, pa.string()))
    stepwise = profiles[0]
    for profile in profiles[1:]:
        stepwise = CategoricalProfile.merge([profile, stepwise])
    for merged in (CategoricalProfile.merge(profiles), CategoricalProfile.merge(profiles[::-1]), stepwise):
        assert list(merged.counts.items()) == list(whole.counts.items())
        assert (merged.count, merged.nulls, merged.other) == (whole.count, whole.nulls, 0)


def test_rows_that_merging_cannot_name_stay_counted_as_other() -> None:
    one = CategoricalProfile.from_values(pa.array([f"a{i}" for i in range(1500)]))
    two = CategoricalProfile.from_values(pa.array([f"b{i}" for i in range(1500)] + [None]))
    merged = CategoricalProfile.merge([one, two])
    assert len(merged.counts) == MAX_CATEGORIES
    assert (merged.count, merged.nulls) == (3001, 1)
    assert merged.other == 2000


def test_the_merge_of_one_is_that_one_and_of_none_an_error() -> None:
    profile = CategoricalProfile.from_values(pa.array(["a"]))
    assert CategoricalProfile.merge([profile]) is profile
    with pytest.raises(ValueError, match="nothing to merge"):
        CategoricalProfile.merge([])
