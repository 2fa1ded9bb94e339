"""A day in a Parquet file against a stored baseline, from file to verdicts: ML Guard, Evidently, and merely reading the file.

Includes the peak memory at 1 and at 10 million rows. Evidently runs in a separate environment, because it cannot be imported
with pandas 3.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.measure import WORK, Measurement, forget, in_process, measure, median, programs_of, report, table
from guard_core.columns import Kind

NUMERIC, CATEGORICAL = 15, 5
WIDE_COLUMNS = 1_000
WIDE_ROW_GROUP = 65_536  # rows, as the lake writes them at this width
REPEATS = 5
ROW_GROUP = 1_048_576
EVIDENTLY = ["evidently==0.7.23", "pandas<3", "numpy<2.4", "pyarrow"]

KINDS: dict[str, Kind] = {
    **{f"feature_n{i:02d}": "numeric" for i in range(NUMERIC)},
    **{f"feature_c{i}": "categorical" for i in range(CATEGORICAL)},
}


def synthetic_day(rows: int, seed: int, shift: float) -> pa.Table:
    """Generate a day of 15 numeric features (normal, log-normal, integers) and 5 categorical ones, some of them shifted."""
    random = np.random.default_rng(seed)
    columns: dict[str, pa.Array] = {}
    for i in range(NUMERIC):
        normal = random.standard_normal(rows) + (shift if i % 3 == 0 else 0.0)
        shapes = (normal, np.exp(normal / 2), np.floor(normal * 100))
        columns[f"feature_n{i:02d}"] = pa.array(shapes[i % 3])
    for i in range(CATEGORICAL):
        values = pa.array([f"category-{k}" for k in range(4 * 3**i)])
        codes = (random.random(rows) ** (1.5 + shift) * len(values)).astype(np.int32)
        columns[f"feature_c{i}"] = pa.DictionaryArray.from_arrays(codes, values).cast(pa.string())
    return pa.table(columns)


def write_day(path: Path, rows: int, seed: int, shift: float) -> None:
    """Write a day in the format of the lake: LZ4, dictionaries on categorical columns only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dictionaries = [name for name, kind in KINDS.items() if kind == "categorical"]
    with pq.ParquetWriter(
        path, synthetic_day(1, 0, 0).schema, compression="LZ4", use_dictionary=dictionaries
    ) as writer:
        for number, start in enumerate(range(0, rows, ROW_GROUP)):
            day = synthetic_day(min(ROW_GROUP, rows - start), seed + 1000 * number, shift)
            writer.write_table(day, row_group_size=ROW_GROUP)


def write_wide_day(path: Path, rows: int, columns: int, seed: int) -> None:
    """Write a day of many columns, three numeric ones to each categorical one, a row group at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    kinds = wide_kinds(columns)
    words = pa.array([f"category-{k}" for k in range(12)])
    types = {"numeric": pa.float64(), "categorical": pa.string()}
    encoded = [name for name, kind in kinds.items() if kind == "categorical"]
    schema = pa.schema([(name, types[kind]) for name, kind in kinds.items()])
    with pq.ParquetWriter(path, schema, compression="LZ4", use_dictionary=encoded) as writer:
        for start in range(0, rows, WIDE_ROW_GROUP):
            size = min(WIDE_ROW_GROUP, rows - start)
            values = [
                words.take(pa.array(random.integers(0, 12, size)))
                if kind == "categorical"
                else pa.array(np.round(random.standard_normal(size), 2))
                for kind in kinds.values()
            ]
            writer.write_table(pa.Table.from_arrays(values, schema=schema), row_group_size=WIDE_ROW_GROUP)


def wide_kinds(columns: int) -> dict[str, Kind]:
    """Return the kinds of the columns of a wide day."""
    return {f"feature_{i:05d}": "categorical" if i % 4 == 3 else "numeric" for i in range(columns)}


def run_wide(rows: int, columns: int) -> str:
    """Measure a day of many columns, and return the Markdown table."""
    day, baseline = WORK / "wide.parquet", WORK / "wide.profile"
    size = ["--rows", str(rows), "--columns", str(columns)]
    in_process("bench.profiles", "wide-day", day, *size)  # a child begins with the peak memory of its parent
    try:
        (profiled,) = in_process("bench.profiles", "wide-baseline", day, baseline, *size)
        (judged,) = in_process("bench.profiles", "wide", day, baseline, *size)
    finally:
        day.unlink()
    cells = [
        (name, f"{m.cpu_s:.1f}", f"{m.wall_s:.1f}", f"{m.peak_mb:.0f}", f"{m.cpu_s / rows / columns * 1e9:.0f}")
        for name, m in (("profile alone", profiled), ("profile and verdicts", judged))
    ]
    header = ["work", "CPU s", "wall s", "peak MB", "CPU ns a value"]
    return f"{rows:,} rows × {columns:,} features, file to verdicts.\n\n" + table(header, cells)


def run(rows: int = 1_000_000) -> str:
    """Measure everything and return the Markdown section."""
    current, reference, large = WORK / "current.parquet", WORK / "reference.parquet", WORK / "large.parquet"
    write_day(current, rows, seed=1, shift=0.2)
    write_day(reference, rows, seed=2, shift=0.0)
    baseline = WORK / "baseline.profile"
    in_process("bench.profiles", "baseline", reference, baseline)

    bare = median(in_process("bench.profiles", "read", current)[1:])
    warm = median(in_process("bench.profiles", "ours", current, baseline)[1:])
    forget(current)
    bare_cold = in_process("bench.profiles", "read", current)[0]
    forget(current)
    cold = in_process("bench.profiles", "ours", current, baseline)[0]
    evidently = median(
        in_process("bench.evidently_peer", reference, current, python=programs_of("evidently", *EVIDENTLY) / "python")
    )
    write_day(large, 10 * rows, seed=3, shift=0.2)
    large_first = in_process("bench.profiles", "ours", large, baseline)[0]
    large.unlink()
    lines = [
        ("bare read, warm", bare), ("bare read, cold", bare_cold),
        ("ML Guard, warm", warm), ("ML Guard, cold", cold),
        ("Evidently 0.7.23, warm", evidently), (f"ML Guard, {10 * rows:,} rows, cold", large_first),
    ]  # fmt: skip
    cells = [
        (name, f"{m.cpu_s:.2f}", f"{m.wall_s:.2f}", f"{m.peak_mb:.0f}", f"{m.cpu_s / bare.cpu_s:.2f}×",
         f"{evidently.cpu_s / m.cpu_s:.1f}×")
        for name, m in lines
    ]  # fmt: skip
    header = ["work", "CPU s", "wall s", "peak MB", "CPU against bare read", "less CPU than Evidently"]
    return f"{rows:,} rows × {NUMERIC + CATEGORICAL} features, file to verdicts.\n\n" + table(header, cells)


def _ours(current: Path, baseline: Path) -> list[Measurement]:
    from ml.monitoring.profiles.build import profile_parquet
    from ml.monitoring.profiles.table import TableProfile
    from ml.monitoring.verdicts.judge import judge

    def work() -> object:
        reference = TableProfile.from_bytes(baseline.read_bytes())
        profile = profile_parquet([current], KINDS)["", ""]
        return judge(lambda _: [profile], reference).state

    return [measure(work) for _ in range(REPEATS)]


def _wide(day: Path, baseline: Path, columns: int) -> list[Measurement]:
    from ml.monitoring.profiles.build import profile_parquet
    from ml.monitoring.profiles.table import TableProfile
    from ml.monitoring.verdicts.judge import judge

    def work() -> object:
        profile = profile_parquet([day], wide_kinds(columns))["", ""]
        return judge(lambda _: [profile], TableProfile.from_bytes(baseline.read_bytes())).state

    return [measure(work)]


def _wide_day(day: Path, rows: int, columns: int) -> list[Measurement]:
    return [measure(lambda: write_wide_day(day, rows, columns, seed=4))]


def _wide_baseline(day: Path, baseline: Path, columns: int) -> list[Measurement]:
    from ml.monitoring.profiles.build import profile_parquet

    return [measure(lambda: baseline.write_bytes(profile_parquet([day], wide_kinds(columns))["", ""].to_bytes()))]


def _read(current: Path) -> list[Measurement]:
    return [measure(lambda: pq.read_table(current, memory_map=False).num_rows) for _ in range(REPEATS)]


def _baseline(reference: Path, baseline: Path) -> list[Measurement]:
    from ml.monitoring.profiles.build import profile_parquet

    return [measure(lambda: baseline.write_bytes(profile_parquet([reference], KINDS)["", ""].to_bytes()))]


def main() -> None:
    """Run one kind of work, as the child processes do, or `many-columns` of a given size."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "work", choices=["read", "ours", "baseline", "wide-day", "wide", "wide-baseline", "many-columns"]
    )
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--columns", type=int, default=WIDE_COLUMNS)
    arguments = parser.parse_args()
    if arguments.work == "many-columns":
        print(run_wide(arguments.rows, arguments.columns))
        return
    works: dict[str, Callable[..., list[Measurement]]] = {
        "read": _read,
        "ours": _ours,
        "baseline": _baseline,
        "wide-day": partial(_wide_day, rows=arguments.rows, columns=arguments.columns),
        "wide": partial(_wide, columns=arguments.columns),
        "wide-baseline": partial(_wide_baseline, columns=arguments.columns),
    }
    report(works[arguments.work](*arguments.paths))


if __name__ == "__main__":
    main()
