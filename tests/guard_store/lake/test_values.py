"""However rows are read, at once or one by one, the columns are the same."""

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guard_store.lake import values as lake_values
from guard_store.lake.regular_json import read_regular
from guard_store.lake.values import convert_features

KINDS = {"feature_n": "numeric", "feature_c": "categorical", "feature_b": "boolean", "feature_t": "text"}
TYPES = {name.removeprefix("feature_"): lake_values.ARROW_TYPES[kind] for name, kind in KINDS.items()}

texts = st.text(st.sampled_from('ab,"\\{}:é \n'), max_size=6) | st.just('","n":1')
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60)
values = {"n": numbers, "c": texts, "b": st.booleans(), "t": texts}
rows = st.lists(
    st.fixed_dictionaries({}, optional={key: value | st.none() for key, value in values.items()}), max_size=4
)
regular_rows = st.permutations(list(values)).flatmap(
    lambda keys: st.lists(st.fixed_dictionaries({k: values[k] | st.none() for k in keys}), min_size=1, max_size=4)
)
odd_values = numbers | texts | st.booleans() | st.none()
odd_rows = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys([*values], odd_values)), max_size=4)
separators = st.sampled_from([(",", ":"), (", ", ": ")])


def lines_of(
    features: list[dict[str, Any]], separator: tuple[str, str] = (",", ":"), *, ascii_only: bool = False
) -> pa.Array:
    texts = [json.dumps(row, separators=separator, ensure_ascii=ascii_only) + "\n" for row in features]
    return pa.array(["a row before\n", *texts], pa.string()).slice(1)


def one_by_one(lines: pa.Array) -> dict[str, list[Any]]:
    converted = lake_values._convert_rows(lines, KINDS)
    return {name: column.to_pylist() for name, column in converted.columns.items()}


@given(rows | regular_rows | odd_rows, separators, st.booleans())
def test_reading_at_once_equals_reading_one_by_one(
    features: list[dict[str, Any]], separator: tuple[str, str], ascii_only: bool
) -> None:
    lines = lines_of(features, separator, ascii_only=ascii_only)
    converted = convert_features(lines, KINDS)
    assert {name: column.to_pylist() for name, column in converted.columns.items()} == one_by_one(lines)
    assert all(column.type == lake_values.ARROW_TYPES[KINDS[name]] for name, column in converted.columns.items())
    assert converted.misfits == lake_values._convert_rows(lines, KINDS).misfits


@given(regular_rows | rows | odd_rows, separators)
def test_what_is_read_as_regular_is_right(features: list[dict[str, Any]], separator: tuple[str, str]) -> None:
    lines = lines_of(features, separator)
    if not features:
        return
    columns = read_regular(lake_values._as_text(lines), len(lines), TYPES)
    if columns is not None:
        assert {f"feature_{name}": column.to_pylist() for name, column in columns.items()} == one_by_one(lines)


@pytest.mark.parametrize("separator", [(",", ":"), (", ", ": ")])
def test_ordinary_rows_are_regular(separator: tuple[str, str]) -> None:
    features = [{"t": "words", "b": True, "n": n / 7, "c": f"é}}{n}" if n else None} for n in range(5000)]
    lines = lines_of(features, separator)
    columns = read_regular(lake_values._as_text(lines), len(lines), {**TYPES, "absent": pa.float64()})
    assert columns is not None
    assert columns["n"].to_pylist() == [n / 7 for n in range(5000)]
    assert columns["c"].to_pylist()[:2] == [None, "é}1"]
    assert columns["absent"].null_count == 5000


@pytest.mark.parametrize(
    "second",
    [
        '{"c":"x","n":1}',
        '{"n":1,"c":"a,b"}',
        '{"n":1,"c":"\\u0041"}',
        '{"n":"1","c":"x"}',
        '{"n":1}',
        '{"n":1,"c":"x","b":true}',
        '{"n":1,"n":1}',
        '{"n":NaN,"c":"x"}',
        '{"n":1,"c":2}',
        '{"n": 1,"c":"x"}',
        "",
    ],
)
def test_a_row_that_differs_is_not_regular(second: str) -> None:
    text = pa.py_buffer(f'{{"n":1,"c":"x"}}\n{second}\n'.encode())
    assert read_regular(text, 2, TYPES) is None
