"""The lake: days replaced in one commit, rows as the store has them, values that do not fit counted and never fatal."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.db.arrow_reader import ArrowReader
from guard_store.db.database import Database
from guard_store.lake import rows as rows_module
from guard_store.lake import values as values_module
from guard_store.lake.rows import KIND_VIOLATIONS, PIECE_ROWS, StoredDays, store_days
from guard_store.lake.store import Lake, days_predicate, path_safe
from guard_store.lake.values import SURPLUS_FEATURES
from guard_store.monitoring.kinds import KindStore
from guard_store.projects.store import ProjectStore
from tests.support.stored_events import event, store

DAY = "2024-05-01"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "a lake"))


@pytest.fixture
def project(database: Database) -> Database:
    ProjectStore(database).create("p", "P", "America/New_York")
    return database


def rows(day: str, values: Sequence[float], **more: Any) -> pa.Table:
    days = pa.array([date.fromisoformat(day)] * len(values), pa.date32())
    return pa.table({"day": days, "feature_x": pa.array(values, pa.float64()), **more})


def read(lake: Lake, *, version: int | None = None, project_id: str = "p") -> pd.DataFrame:
    snapshot = lake.snapshot(project_id, "m", version)
    assert snapshot is not None
    files = [file for day in snapshot.days for file in snapshot.files(day)]
    tables = [pq.read_table(file, partitioning=None, filesystem=snapshot.filesystem) for file in files]
    frame: pd.DataFrame = pa.concat_tables([_plain(table) for table in tables], promote_options="default").to_pandas()
    return frame


def _plain(table: pa.Table) -> pa.Table:
    dictionaries = [pa.types.is_dictionary(field.type) for field in table.schema]
    types = [f.type.value_type if encoded else f.type for f, encoded in zip(table.schema, dictionaries, strict=True)]
    return table.cast(pa.schema(list(zip(table.schema.names, types, strict=True))))


def learn(_column: str, values: Sequence[Any]) -> str | None:
    kinds = {bool: "boolean", str: "categorical"}
    return kinds.get(type(values[0]), "numeric") if values else None


def fill(
    database: Database,
    lake: Lake,
    days: Sequence[str] = (DAY,),
    piece_rows: int = PIECE_ROWS,
    max_features: int = 10_000,
) -> StoredDays:
    items = [item for item in DayStateStore(database).of_days(days) if item.model_id == "m"]
    with ArrowReader(database, piece_rows) as reader:
        return store_days(database, reader, lake, items, learn, max_features)


def test_a_day_is_replaced_and_no_other(lake: Lake) -> None:
    lake.replace_day("p", "m", "2024-05-01", rows("2024-05-01", [1.0, 2.0]))
    before = lake.replace_day("p", "m", "2024-05-02", rows("2024-05-02", [3.0]))
    after = lake.replace_day("p", "m", "2024-05-01", rows("2024-05-01", [9.0]))
    assert after == before + 1
    snapshot = lake.snapshot("p", "m")
    assert snapshot is not None
    assert (snapshot.version, snapshot.days, snapshot.rows("2024-05-01")) == (after, ["2024-05-01", "2024-05-02"], 1)
    assert sorted(read(lake)["feature_x"]) == [3.0, 9.0]
    assert sorted(read(lake, version=before)["feature_x"]) == [1.0, 2.0, 3.0]


def test_a_day_without_rows_any_more_disappears(lake: Lake) -> None:
    lake.replace_days("p", "m", ["2024-05-01"], rows("2024-05-01", [1.0]))
    lake.replace_days("p", "m", ["2024-05-01"], rows("2024-05-01", []))
    snapshot = lake.snapshot("p", "m")
    assert snapshot is not None
    assert snapshot.days == []
    assert snapshot.files("2024-05-01") == ()


def test_rows_of_a_day_that_is_not_replaced_are_refused(lake: Lake) -> None:
    lake.replace_day("p", "m", "2024-05-01", rows("2024-05-01", [1.0]))
    with pytest.raises(Exception, match="failed validation"):
        lake.replace_day("p", "m", "2024-05-02", rows("2024-05-03", [1.0]))
    assert list(read(lake)["feature_x"]) == [1.0]


def test_days_are_selected_exactly_where_they_are_scattered() -> None:
    assert days_predicate(["2024-02-28", "2024-02-29", "2024-03-02"]) == (
        "day BETWEEN '2024-02-28' AND '2024-02-29' OR day BETWEEN '2024-03-02' AND '2024-03-02'"
    )


def test_new_and_missing_columns_are_null_elsewhere(lake: Lake) -> None:
    lake.replace_day("p", "m", "2024-05-01", rows("2024-05-01", [1.0], feature_y=pa.array([5.0])))
    lake.replace_day("p", "m", "2024-05-02", rows("2024-05-02", [2.0], feature_z=pa.array([6.0])))
    frame = read(lake).sort_values("feature_x")
    assert frame["feature_y"].isna().tolist() == [False, True]
    assert frame["feature_z"].isna().tolist() == [True, False]


def test_a_column_of_another_type_is_emptied_on_other_days_and_old_versions_keep_it(lake: Lake) -> None:
    before = lake.replace_days(
        "p", "m", ["2024-05-01", "2024-05-02"], pa.concat_tables([rows("2024-05-01", [1.0]), rows("2024-05-02", [2.0])])
    )
    text = rows("2024-05-01", [0.0]).set_column(1, "feature_x", pa.array(["one"]).dictionary_encode())
    lake.replace_day("p", "m", "2024-05-01", text)
    assert sorted(read(lake)["feature_x"].fillna("")) == ["", "one"]
    assert sorted(read(lake, version=before)["feature_x"]) == [1.0, 2.0]


@pytest.mark.parametrize("project_id", ["..", ".hidden", "a/b", "with space", "Ünïcode", "per%2Fcent", "q?#"])
def test_any_id_has_a_folder_of_its_own_inside_the_lake(lake: Lake, tmp_path: Path, project_id: str) -> None:
    lake.replace_day(project_id, "m", DAY, rows(DAY, [1.0]))
    assert [path.name for path in (tmp_path / "a lake").iterdir()] == [path_safe(project_id)]
    assert list(read(lake, project_id=project_id)["feature_x"]) == [1.0]


def test_writers_at_once_all_succeed(lake: Lake) -> None:
    def write(n: int) -> int:
        day = f"2024-05-{1 + n % 3:02d}"
        return lake.replace_day("p", "m", day, rows(day, [float(n)]))

    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(write, range(12)))
    assert len(set(versions)) == 12
    assert len(read(lake)) == 3


def test_the_log_is_checkpointed(lake: Lake, tmp_path: Path) -> None:
    for n in range(25):
        lake.replace_day("p", "m", DAY, rows(DAY, [float(n)]))
    assert (tmp_path / "a lake" / "p" / "m" / "_delta_log" / "_last_checkpoint").exists()


def test_a_model_without_a_table_has_no_snapshot(lake: Lake) -> None:
    assert lake.snapshot("p", "m") is None


def test_stored_events_arrive_with_types_instants_and_local_days(project: Database, lake: Lake) -> None:
    features = {"temp": 12, "carrier": "UA", "late": True, "note": None}
    store(
        project,
        [
            event("p", "m", "2024-05-02T03:59:59.999999Z", features, y_pred="no", segment="b", event_id="second"),
            event("p", "m", "2024-05-01T04:00:00Z", features, y_pred="yes", segment=None, event_id="first"),
            event("p", "m", "2024-05-02T04:00:00Z", {"temp": 1.5}, y_pred=None, event_id="next day"),
            event("p", "other", "2024-05-01T12:00:00Z", features),
        ],
    )
    stored = fill(project, lake, ["2024-05-01", "2024-05-02"])
    assert stored.counts == {"2024-05-01": 2, "2024-05-02": 1}
    assert stored.learned == {
        "feature_temp": "numeric",
        "feature_carrier": "categorical",
        "feature_late": "boolean",
        "y_pred": "categorical",
    }
    frame = read(lake)
    assert list(frame["event_id"]) == ["first", "second", "next day"]
    assert list(frame["ts"])[1] == datetime.fromisoformat("2024-05-02T03:59:59.999999+00:00")
    assert list(frame["y_pred"].fillna("-")) == ["yes", "no", "-"]
    assert list(frame["segment"].fillna("-")) == ["-", "b", "-"]
    assert list(frame["feature_temp"]) == [12.0, 12.0, 1.5]
    assert list(frame["feature_late"].fillna("-")) == [True, True, "-"]
    assert "feature_note" not in frame


def test_all_null_columns_of_the_first_rows_keep_their_type(project: Database, lake: Lake) -> None:
    late = {"segment": "s", "y_proba": 0.25, "model_version": "v"}
    nothing = {"segment": None, "y_proba": None, "model_version": None}
    store(
        project, [event("p", "m", f"2024-05-01T12:{n:02d}:00Z", {}, **(late if n > 8 else nothing)) for n in range(20)]
    )
    fill(project, lake, piece_rows=4)
    frame = read(lake)
    assert frame["segment"].notna().sum() == 11
    assert frame["y_proba"].sum() == 0.25 * 11


def test_values_that_do_not_fit_become_null_and_are_counted(project: Database, lake: Lake) -> None:
    KindStore(project).learn(
        "p", "m", {"feature_n": "numeric", "feature_c": "categorical", "feature_b": "boolean", "feature_t": "text"}
    )
    good = {"n": 1, "c": "x", "b": True, "t": "words"}
    odd: list[dict[str, Any] | str] = [
        {**good, "n": "1"},
        {**good, "n": True, "b": 1},
        {**good, "c": 7},
        {**good, "c": 7.0},
        {**good, "c": 7.5},
        {**good, "c": False},
        {**good, "b": "true", "t": 3},
        '{"n": 1e999, "c": "x"}',
        '{"n": 1, "n": 2}',
        '{\n "n": 5\n}',
    ]
    store(project, [event("p", "m", f"2024-05-01T12:{n:02d}:00Z", f) for n, f in enumerate([good, *odd])])
    stored = fill(project, lake)
    assert stored.counts == {DAY: 11}
    assert stored.violations == {"feature_n": 3, "feature_b": 2, "feature_t": 1}
    frame = read(lake)
    assert list(frame["feature_n"].fillna(-1)) == [1, -1, -1, 1, 1, 1, 1, 1, -1, 2, 5]
    assert list(frame["feature_c"].fillna("-"))[2:7] == ["x", "7", "7", "7.5", "false"]
    assert [list(entry) for entry in frame[KIND_VIOLATIONS].dropna()] == [
        ["feature_n"],
        ["feature_n", "feature_b"],
        ["feature_b", "feature_t"],
        ["feature_n"],
    ]


def test_rows_that_are_not_json_objects_keep_their_envelope(project: Database, lake: Lake) -> None:
    KindStore(project).learn("p", "m", {"feature_n": "numeric"})
    store(project, [event("p", "m", "2024-05-01T12:00:00Z", text) for text in ('{"n": 1}', "{broken", "[1]")])
    stored = fill(project, lake)
    assert (stored.counts, stored.violations) == ({DAY: 3}, {"features": 2})
    assert read(lake)["latency_ms"].sum() == 15.0


@pytest.mark.parametrize(
    ("kind", "predictions", "expected", "misfits"),
    [
        ("numeric", [1, 2.5, "3", True, None], [1.0, 2.5, None, None, None], 2),
        ("categorical", [1, 1.0, "a", True, None], ["1", "1", "a", "true", None], 0),
    ],
)
def test_predictions_follow_their_kind(
    project: Database, lake: Lake, kind: str, predictions: list[Any], expected: list[Any], misfits: int
) -> None:
    KindStore(project).learn("p", "m", {"y_pred": kind})
    store(project, [event("p", "m", f"2024-05-01T12:0{n}:00Z", y_pred=p) for n, p in enumerate(predictions)])
    stored = fill(project, lake)
    found = [None if pd.isna(value) else value for value in read(lake)["y_pred"]]
    assert found == expected
    assert stored.violations == ({"y_pred": misfits} if misfits else {})


def test_features_that_turn_up_late_are_learned_without_losing_rows(project: Database, lake: Lake) -> None:
    payloads: list[dict[str, Any]] = [{"a": 1}] * 20 + [{"a": 1, "b": "x", "empty": None}] * 20 + [{"c": True}] * 20
    store(project, [event("p", "m", f"2024-05-01T12:{n:02d}:00Z", f) for n, f in enumerate(payloads)])
    stored = fill(project, lake, piece_rows=8)
    assert stored.counts == {DAY: 60}
    frame = read(lake)
    assert [int(frame[f"feature_{name}"].notna().sum()) for name in "abc"] == [40, 20, 20]
    assert fill(project, lake).learned == {}


@pytest.mark.parametrize("piece_rows", [4, PIECE_ROWS])
def test_features_beyond_the_limit_get_no_column_and_are_counted(
    project: Database, lake: Lake, piece_rows: int
) -> None:
    payloads: list[dict[str, Any]] = [{"z": n, f"new-{n}": n, f"null-{n}": None} for n in range(30)]
    store(project, [event("p", "m", f"2024-05-01T12:{n:02d}:00Z", f, y_pred=1) for n, f in enumerate(payloads)])
    for _ in range(2):
        stored = fill(project, lake, piece_rows=piece_rows, max_features=5)
        assert stored.counts == {DAY: 30}
        assert stored.violations == {SURPLUS_FEATURES: 26}
        assert sorted(KindStore(project).of("p", "m")) == [
            *(f"feature_new-{n}" for n in range(4)),
            "feature_z",
            "y_pred",
        ]
    frame = read(lake)
    assert sorted(frame["feature_z"]) == list(range(30))
    assert sorted(name for name in frame.columns.astype(str) if name.startswith("feature")) == [
        *(f"feature_new-{n}" for n in range(4)),
        "feature_z",
    ]


def test_a_feature_with_a_kind_stays_when_the_limit_is_lowered(project: Database, lake: Lake) -> None:
    store(project, [event("p", "m", "2024-05-01T12:00:00Z", {"a": 1, "b": 2, "c": 3})])
    assert fill(project, lake).violations == {}
    assert fill(project, lake, max_features=1).violations == {}
    assert list(read(lake)["feature_c"]) == [3]


def test_the_same_store_gives_the_same_rows_again(project: Database, lake: Lake) -> None:
    store(project, [event("p", "m", "2024-05-01T12:00:00Z", {"a": n}) for n in range(50)])
    fill(project, lake)
    first = read(lake)
    fill(project, lake)
    pd.testing.assert_frame_equal(first, read(lake))


def test_many_pieces_hold_what_pandas_reads(project: Database, lake: Lake) -> None:
    payloads = [{"a": n / 7, "b": f"v{n % 13}", "long": "ü" * (n % 50)} for n in range(1000)]
    store(
        project, [event("p", "m", f"2024-05-01T{4 + n // 60:02d}:{n % 60:02d}:00Z", f) for n, f in enumerate(payloads)]
    )
    fill(project, lake, piece_rows=100)
    expected = pd.DataFrame(json.loads(json.dumps(payloads))).add_prefix("feature_")
    found = read(lake).sort_values("ts", ignore_index=True)  # the lake's writer shuffles pieces
    pd.testing.assert_frame_equal(found[list(expected)], expected, check_dtype=False)


def test_items_of_one_range_share_a_commit(project: Database, lake: Lake) -> None:
    days = ["2024-05-01", "2024-05-02", "2024-05-03"]
    store(project, [event("p", "m", f"{day}T12:00:00Z", {"a": 1}) for day in days])
    first = fill(project, lake, days)
    second = fill(project, lake, days)
    assert second.version == first.version + 1
    items: list[DayState] = list(DayStateStore(project).of_days(days))
    assert [item.events for item in items] == [1, 1, 1]


def test_rows_of_many_features_are_read_in_pieces_of_bounded_bytes(
    project: Database, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = {f"feature-{n}": n / 3 for n in range(500)}
    store(project, [event("p", "m", f"{DAY}T12:{n:02d}:00Z", features) for n in range(30)])
    sizes: list[int] = []
    convert = values_module.convert_features

    def record_size(lines: pa.Array, *arguments: Any, **options: Any) -> Any:
        sizes.append(len(lines))
        return convert(lines, *arguments, **options)

    monkeypatch.setattr(rows_module, "convert_features", record_size)
    monkeypatch.setattr(rows_module, "_PIECE_BYTES", 100_000)
    assert fill(project, lake).counts == {DAY: 30}
    if project.is_sqlite:  # PostgreSQL's driver limits its batches by bytes itself
        assert max(sizes) < 12
    assert read(lake)["feature_feature-3"].tolist() == [1.0] * 30
