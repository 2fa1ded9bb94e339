"""What must hold at the end, each number counted a second time from the CSV file with pandas."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from deltalake import DeltaTable
from ml_guard import BatchResult

Json = dict[str, Any]
WANTED_GAIN = 0.04


def local_day_counts(departures: pd.DataFrame) -> dict[str, int]:
    """Flights by the date on the wall in New York: from the date columns of the file, not from the instants sent."""
    counts = departures.groupby(["year", "month", "day"]).size().items()
    return {"{:04d}-{:02d}-{:02d}".format(*date): int(n) for date, n in counts}  # type: ignore[misc]


def lake_counts(lake: str, project_id: str, model_id: str) -> dict[str, int]:
    """Rows by local day in the model's Delta table, as any other reader of the lake sees them."""
    files = DeltaTable(f"{lake}/{project_id}/{model_id}").get_add_actions(flatten=True)
    counts: Counter[str] = Counter()
    for day, rows in zip(files["partition.day"].to_pylist(), files["num_records"].to_pylist(), strict=True):
        counts[str(day)] += int(rows)
    return {day: rows for day, rows in counts.items() if rows}


def wrong_sums(sent: int, result: BatchResult) -> list[str]:
    """Complaints where the server's answers do not add up to what was sent, or rows were rejected."""
    complaints = []
    answered = result.accepted + result.duplicates + result.rejected
    if answered != sent:
        complaints.append(f"sent {sent:,} but accepted + duplicates + rejected = {answered:,}")
    if result.rejected:
        first = result.errors[0] if result.errors else None
        reason = f", first: {first.field}: {first.reason}" if first else ""
        complaints.append(f"{result.rejected:,} events were rejected{reason}")
    return complaints


def wrong_counts(what: str, expected: Mapping[str, int], counted: Mapping[str, int]) -> list[str]:
    """One complaint where the counts of any day differ, a missing and a surplus day included."""
    days = sorted(day for day in {*expected, *counted} if expected.get(day) != counted.get(day))
    if not days:
        return []
    first = days[0]
    differs = f"{len(days)} of {len(expected)} days differ from the count by pandas"
    return [f"{what}: {differs}, first {first}: {counted.get(first)} instead of {expected.get(first)}"]


def missing_verdicts(days: Sequence[str], reports: Sequence[Json]) -> list[str]:
    """One complaint where a day has no report against the baseline."""
    states = {report["day"]: report["state"] for report in reports}
    without = [day for day in days if states.get(day, "missing_baseline") == "missing_baseline"]
    return [f"{len(without)} days have no verdict, first {without[0]}"] if without else []


def too_small_a_gain(difference: Mapping[str, float]) -> list[str]:
    """One complaint where the guarded champion's mean ROC AUC is not far enough above the January model's."""
    if difference["value"] >= WANTED_GAIN:
        return []
    return [f"ROC AUC of June to August is {difference['value']:.4f} above the January model's, not {WANTED_GAIN}"]
