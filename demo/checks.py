"""Checks of the results; each number is counted a second time, from the CSV file with pandas.

A check returns its complaints, and an empty list if it passes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from deltalake import DeltaTable
from ml_guard import BatchResult

Json = dict[str, Any]
MIN_GAIN = 0.04


def local_day_counts(departures: pd.DataFrame) -> dict[str, int]:
    """Count flights by local date in New York, from the date columns of the file and not from the instants sent."""
    counts = departures.groupby(["year", "month", "day"]).size().items()
    return {"{:04d}-{:02d}-{:02d}".format(*date): int(n) for date, n in counts}  # type: ignore[misc]


def lake_counts(lake: str, project_id: str, model_id: str) -> dict[str, int]:
    """Count rows by local day in the model's Delta table, like any other reader of the lake."""
    files = DeltaTable(f"{lake}/{project_id}/{model_id}").get_add_actions(flatten=True)
    counts: Counter[str] = Counter()
    for day, rows in zip(files["partition.day"].to_pylist(), files["num_records"].to_pylist(), strict=True):
        counts[str(day)] += int(rows)
    return {day: rows for day, rows in counts.items() if rows}


def check_sums(sent: int, result: BatchResult) -> list[str]:
    """Check that the server's counts add up to the rows sent, and that no row was rejected."""
    complaints = []
    answered = result.accepted + result.duplicates + result.rejected
    if answered != sent:
        complaints.append(f"sent {sent:,} but accepted + duplicates + rejected = {answered:,}")
    if result.rejected:
        first = result.errors[0] if result.errors else None
        reason = f", first: {first.field}: {first.reason}" if first else ""
        complaints.append(f"{result.rejected:,} events were rejected{reason}")
    return complaints


def check_counts(what: str, expected: Mapping[str, int], counted: Mapping[str, int]) -> list[str]:
    """Check that the counts of all days are equal; missing and surplus days are differences."""
    days = sorted(day for day in {*expected, *counted} if expected.get(day) != counted.get(day))
    if not days:
        return []
    first = days[0]
    differs = f"{len(days)} of {len(expected)} days differ from the count by pandas"
    return [f"{what}: {differs}, first {first}: {counted.get(first)} instead of {expected.get(first)}"]


def check_verdicts(days: Sequence[str], reports: Sequence[Json]) -> list[str]:
    """Check that every day has a drift report against a baseline."""
    states = {report["day"]: report["state"] for report in reports}
    without = [day for day in days if states.get(day, "missing_baseline") == "missing_baseline"]
    return [f"{len(without)} days have no verdict, first {without[0]}"] if without else []


def check_gain(difference: Mapping[str, float]) -> list[str]:
    """Check that the mean ROC AUC of the guarded champion is at least `MIN_GAIN` above that of the January model."""
    if difference["value"] >= MIN_GAIN:
        return []
    return [f"ROC AUC of June to August is {difference['value']:.4f} above the January model's, not {MIN_GAIN}"]
