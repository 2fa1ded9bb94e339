"""One day of events from the database into the lake, against the same in pandas: read_sql, json_normalize, to_parquet.

Both read the same SQLite file, each in a separate process; CPU seconds are measured after imports, and include those of child
processes.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.measure import ROUNDS, Measurement, in_process, median, report, table
from guard_core.days import local_days
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ingest.rows import EventRow, StoreEvents
from guard_store.projects.store import ProjectStore
from guard_store.steps import writer_steps
from guard_store.writer.writer import GroupWriter

EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
NUMERIC, CATEGORICAL = 15, 5
DAY = "2024-05-01"
PROJECT, MODEL = "bench", "bench"
_SUBMISSION_ROWS = 5_000
_COLUMNS = (
    "ts_us, received_us, event_id, request_id, endpoint, model_version, segment, latency_ms, y_pred, y_proba, features"
)


def run() -> str:
    """Measure and return the Markdown section."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "guard.db"
        _fill(path)
        by_side: dict[str, list[Measurement]] = {"ours": [], "pandas": []}
        for number in range(ROUNDS):
            for name, measurements in by_side.items():
                measurements.extend(in_process("bench.lake", name, path, Path(folder) / f"{name}-{number}"))
    ours, pandas = median(by_side["ours"]), median(by_side["pandas"])
    if ours.result != pandas.result:
        raise RuntimeError(f"the lake got {ours.result}, pandas {pandas.result}: not the same work")
    rows = [
        ["events to Delta Lake, kinds known", *_cells(ours), "1.0", "1.0"],
        [
            "pandas: read_sql, json_normalize, to_parquet",
            *_cells(pandas),
            f"{pandas.cpu_s / ours.cpu_s:.1f}",
            f"{pandas.wall_s / ours.wall_s:.1f}",
        ],
    ]
    features = f"{NUMERIC} numeric and {CATEGORICAL} categorical features"
    return (
        f"{EVENTS:,} events of one day with {features}, from SQLite; medians of {ROUNDS} rounds.\n\n"
        + table(["", "CPU s", "wall s", "peak MB", "CPU, times ours", "wall, times ours"], rows)
        + "\n\nThe lake's day is validated against its kinds, replaced in one atomic commit, and read in bounded pieces;"
        " pandas holds it all in memory."
    )


def _cells(measured: Measurement) -> list[str]:
    return [f"{measured.cpu_s:.2f}", f"{measured.wall_s:.2f}", f"{measured.peak_mb:,.0f}"]


def _fill(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    migrate(database)
    ProjectStore(database).create(PROJECT, PROJECT)
    writer = GroupWriter(database, writer_steps(close_delay_s=300), queue_rows=10 * _SUBMISSION_ROWS)
    writer.start()
    rows = _rows()
    while chunk := [row for _, row in zip(range(_SUBMISSION_ROWS), rows, strict=False)]:
        writer.store(StoreEvents(chunk, received_us=0))
    writer.stop()
    database.close()
    _learn_kinds(path)


def _rows() -> Iterator[EventRow]:
    rng = np.random.default_rng(7)
    start, end = local_days("UTC").bounds_us(date.fromisoformat(DAY))
    numbers = rng.normal(size=(EVENTS, NUMERIC)).round(4).tolist()
    labels = rng.integers(0, 20, size=(EVENTS, CATEGORICAL)).tolist()
    encode = msgspec.json.Encoder().encode
    for n, (values, categories) in enumerate(zip(numbers, labels, strict=True)):
        features: dict[str, Any] = {f"number_{i}": value for i, value in enumerate(values)}
        features |= {f"label_{i}": f"value_{value}" for i, value in enumerate(categories)}
        at = start + (end - start) * n // EVENTS
        yield EventRow(
            *(PROJECT, f"event-{n:09d}", MODEL, at, at + 1_000, "predict", 1.0 + n % 50, str(n % 2), (n % 100) / 100),
            *(encode(features).decode(), f"request-{n:09d}", "v1", None),
        )


def _learn_kinds(path: Path) -> None:
    # Kinds are learned only once, on a model's first day: they are no part of the cost of a day.
    with tempfile.TemporaryDirectory() as folder:
        _ours(path, Path(folder))


def _ours(path: Path, target: Path) -> int:
    from guard_pipelines.monitoring.stages.lake import infer_kind
    from guard_store.db.arrow_reader import ArrowReader
    from guard_store.lake.rows import PIECE_ROWS, store_days
    from guard_store.lake.store import Lake

    database = Database(f"sqlite:///{path}")
    items = DayStateStore(database).of_days([DAY])
    with ArrowReader(database, PIECE_ROWS) as reader:
        stored = store_days(database, reader, Lake(str(target)), items, infer_kind, max_features=10_000)
    database.close()
    return sum(stored.counts.values())


def _pandas(path: Path, target: Path) -> int:
    import json
    import sqlite3

    import pandas as pd

    start, end = local_days("UTC").bounds_us(date.fromisoformat(DAY))
    query = f"SELECT {_COLUMNS} FROM events WHERE project_id = ? AND model_id = ? AND ts_us >= ? AND ts_us < ? ORDER BY ts_us"  # noqa: S608
    connection = sqlite3.connect(path)
    frame = pd.read_sql(query, connection, params=(PROJECT, MODEL, start, end))
    connection.close()
    features = pd.json_normalize([json.loads(text) for text in frame.pop("features")]).add_prefix("feature_")
    for name in ("ts", "received"):
        frame[name] = pd.to_datetime(frame.pop(f"{name}_us"), unit="us", utc=True)
    target.mkdir()
    pd.concat([frame, features], axis=1).to_parquet(target / "day.parquet", compression="lz4")
    return len(frame)


def _with_children(work: Callable[[], int]) -> Measurement:
    def read_usage() -> tuple[float, float]:
        both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in both), sum(usage.ru_maxrss for usage in both) / 1024

    before, started = read_usage(), time.perf_counter()
    result = work()
    wall_s, after = time.perf_counter() - started, read_usage()
    return Measurement(after[0] - before[0], wall_s, after[1], result)


def _import_all() -> None:
    import deltalake  # noqa: F401
    import pandas as pd  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    import guard_pipelines.monitoring.stages.lake  # noqa: F401


if __name__ == "__main__":
    which, database_path, target_path = sys.argv[1:]
    chosen = {"ours": _ours, "pandas": _pandas}[which]
    _import_all()
    report([_with_children(lambda: chosen(Path(database_path), Path(target_path)))])
