"""Table profiles: merging columns that come and go, and surviving storage byte for byte."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import TableProfile
from tests.ml.monitoring.profiles.samples import Floats, parts


def _table() -> TableProfile:
    rng = np.random.default_rng(1)
    return TableProfile(
        5000,
        {
            "feature_x": NumericProfile.from_values(rng.normal(size=5000)),
            "feature_c": CategoricalProfile.from_values(pa.array(rng.choice(["a", "b", "ü"], 5000).tolist())),
            "latency_ms": NumericProfile.from_values(pa.nulls(5000)),
        },
    )


@given(parts)
def test_what_is_stored_comes_back_exactly(columns: list[Floats]) -> None:
    profiles = [NumericProfile.from_values(column) for column in columns]
    table = TableProfile(7, {f"feature_{i}": profile for i, profile in enumerate(profiles)})
    back = TableProfile.from_bytes(table.to_bytes())
    assert back.rows == 7
    for name, before in table.columns.items():
        after = back.columns[name]
        assert isinstance(before, NumericProfile)
        assert isinstance(after, NumericProfile)
        for field in ("knots", "below", "upto"):
            assert getattr(after, field).tobytes() == getattr(before, field).tobytes()
            assert getattr(after, field).dtype == getattr(before, field).dtype
        for field in ("count", "nulls", "non_finite", "mean", "m2", "minimum", "maximum", "rank_error"):
            assert getattr(after, field) == pytest.approx(getattr(before, field), rel=0, abs=0, nan_ok=True)
    assert (back.digest(), back.to_bytes()) == (table.digest(), table.to_bytes())


def test_categories_keep_their_order_and_the_merge_error_its_value() -> None:
    many = [NumericProfile.from_values(np.random.default_rng(i).normal(size=3000)) for i in range(3)]
    labels = CategoricalProfile.from_values(pa.array([f"v{i % 1500}" for i in range(4000)] + [None]))
    table = TableProfile(9000, {"feature_x": NumericProfile.merge(many), "feature_c": labels})
    back = TableProfile.from_bytes(table.to_bytes())
    number, category = back.columns["feature_x"], back.columns["feature_c"]
    assert isinstance(number, NumericProfile)
    assert isinstance(category, CategoricalProfile)
    assert number.rank_error == NumericProfile.merge(many).rank_error > 0
    assert list(category.counts.items()) == list(labels.counts.items())
    assert (category.count, category.nulls, category.other) == (4001, 1, labels.other)


def test_equal_content_has_equal_bytes_whatever_the_order_of_columns() -> None:
    table = _table()
    turned = TableProfile(table.rows, dict(reversed(list(table.columns.items()))))
    assert turned.to_bytes() == table.to_bytes()
    assert turned.digest() == table.digest()


def test_the_digest_sees_every_part_of_the_content() -> None:
    table = _table()
    numeric = NumericProfile.from_values(np.arange(3.0))
    others = [
        TableProfile(5001, table.columns),
        TableProfile(5000, {**table.columns, "feature_x": numeric}),
        TableProfile(5000, {**table.columns, "feature_c": CategoricalProfile(5000, 0, {"a": 4999}, 1)}),
        TableProfile(5000, {**table.columns, "feature_c": CategoricalProfile(5000, 0, {"b": 4999}, 1)}),
        TableProfile(5000, {**table.columns, "feature_new": numeric}),
    ]
    digests = {other.digest() for other in [table, *others]}
    assert len(digests) == 6
    assert all(len(digest) == 64 for digest in digests)


@pytest.mark.parametrize("data", [b"", b"garbage", b"\xff\xff\xff\xff" + b"\x00" * 40, b"PAR1" * 30])
def test_garbage_is_an_error_that_says_what_it_is_not(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a (whole )?table profile"):
        TableProfile.from_bytes(data)


def test_a_truncated_profile_is_an_error() -> None:
    data = _table().to_bytes()
    for end in (100, len(data) // 2, len(data) - 600):
        with pytest.raises(ValueError, match="not a whole table profile"):
            TableProfile.from_bytes(data[:end])


def test_any_other_arrow_stream_is_an_error() -> None:
    sink = pa.BufferOutputStream()
    batch = pa.record_batch({"x": [1]})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(ValueError, match="no version in the schema"):
        TableProfile.from_bytes(bytes(sink.getvalue()))


def test_an_unknown_version_is_an_error_that_names_both() -> None:
    data = _table().to_bytes()
    with pa.ipc.open_stream(data) as reader:
        metadata = {**reader.schema.metadata, b"ml_guard.profile_version": b"99"}
        schema = reader.schema.with_metadata(metadata)
        table = reader.read_all().replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table)
    with pytest.raises(ValueError, match="version 99 is unknown, this code reads 1"):
        TableProfile.from_bytes(bytes(sink.getvalue()))


def test_a_column_that_one_part_does_not_know_is_null_there() -> None:
    old = TableProfile(2, {"feature_x": NumericProfile.from_values(np.array([1.0, 3.0]))})
    new = TableProfile(3, {"feature_c": CategoricalProfile.from_values(pa.array(["a", "a", "b"]))})
    merged = TableProfile.merge([old, new])
    number, category = merged.columns["feature_x"], merged.columns["feature_c"]
    assert merged.rows == number.count == category.count == 5
    assert (number.nulls, category.nulls) == (3, 2)
    assert isinstance(number, NumericProfile)
    assert math.isclose(number.mean, 2.0)


def test_a_column_of_two_kinds_cannot_be_merged_and_the_error_names_it() -> None:
    number = TableProfile(1, {"feature_x": NumericProfile.from_values(np.array([1.0]))})
    label = TableProfile(1, {"feature_x": CategoricalProfile.from_values(pa.array(["1"]))})
    with pytest.raises(ValueError, match="column 'feature_x': numeric in one profile and categorical in another"):
        TableProfile.merge([number, label])


def test_the_merge_of_one_is_that_one_and_of_none_an_error() -> None:
    table = _table()
    assert TableProfile.merge([table]) is table
    with pytest.raises(ValueError, match="nothing to merge"):
        TableProfile.merge([])
