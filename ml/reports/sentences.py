"""Verdicts as sentences for people, with names that fit into one.

The reasons of single verdicts do not belong here, they are in `ml.monitoring.verdicts.judge`.
"""

from collections.abc import Sequence

import numpy as np

from ml.charts.distributions import shortened
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile, value_count
from ml.monitoring.verdicts.report import STATES, ColumnVerdict, DriftReport
from ml.monitoring.verdicts.tables import shown_name
from ml.scripts import escape_controls

_NAMES = 4
_NAME_LENGTH = 60
_VISIBLE_SHARE = 0.01
_INCOMPARABLE = ("kind_mismatch", "missing_baseline", "no_data")


def readable(name: str, most: int = _NAME_LENGTH) -> str:
    """Return a name from a file on one line, shortened."""
    return shortened(escape_controls(name), most)


def column_name(column: str) -> str:
    """Return a lake column's name as in the tables, on one line, shortened."""
    return readable(shown_name(column))


def headline(report: DriftReport) -> str:
    """Answer in one sentence whether there is drift, and in which columns."""
    judged = [verdict for verdict in worst_first(report) if verdict.n or verdict.m]
    groups = {state: [v.column for v in judged if v.state == state] for state in STATES}
    incomparable = [verdict.column for verdict in judged if verdict.state in _INCOMPARABLE]
    total, drifted = len(judged), groups["drift"]
    if not total:
        return "There is no column to compare."
    if len(groups["stable"]) == total:
        return (
            "No drift: the only column looks as in the reference."
            if total == 1
            else (f"No drift: all {total:,} columns look as in the reference.")
        )
    parts = [
        f"{len(drifted):,} of {total:,} columns {_verb(drifted, 'has', 'have')} drifted: {_listed(drifted)}"
        if drifted
        else f"No drift in {total:,} {'column' if total == 1 else 'columns'}"
    ]
    for columns, singular, plural in (
        (groups["warning"], "shows a smaller change", "show a smaller change"),
        (incomparable, "cannot be compared", "cannot be compared"),
        (groups["insufficient_data"], "has too few rows to tell", "have too few rows to tell"),
        (groups["not_judged"], "is not judged", "are not judged"),
    ):
        if columns:
            parts.append(f"{len(columns):,} {_verb(columns, singular, plural)}: {_listed(columns)}")
    return "; ".join(parts) + "."


def worst_first(report: DriftReport) -> list[ColumnVerdict]:
    """Return the verdicts in the order of a report for people: the worst state, then the largest effect over its threshold."""

    def rank(verdict: ColumnVerdict) -> tuple[int, float]:
        excess = verdict.effect / verdict.drift_threshold if verdict.effect and verdict.drift_threshold else 0.0
        return STATES.index(verdict.state), -excess

    return sorted(report.columns, key=rank)


def change(verdict: ColumnVerdict, reference: ColumnProfile | None, current: ColumnProfile | None) -> str:
    """Describe how a column's values differ: its median or mean, the category that moved most, its missing values."""
    parts = []
    if value_count(reference) and value_count(current):
        if isinstance(reference, NumericProfile) and isinstance(current, NumericProfile):
            parts.append(_moved_centre(reference, current))
        elif isinstance(reference, CategoricalProfile) and isinstance(current, CategoricalProfile):
            parts.append(_moved_category(reference, current))
    now, before = verdict.missing_share, verdict.reference_missing_share
    if now is not None and before is not None and abs(now - before) >= _VISIBLE_SHARE:
        parts.append(f"missing in {now:.1%} of the rows, in the reference {before:.1%}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def _moved_centre(reference: NumericProfile, current: NumericProfile) -> str:
    medians = [float(profile.quantile(np.array(0.5))) for profile in (current, reference)]
    name, (now, before) = ("median", medians)
    if now == before:
        name, (now, before) = "mean", (current.mean, reference.mean)
    return f"{name} {now:.4g}, in the reference {before:.4g}"


def _moved_category(reference: CategoricalProfile, current: CategoricalProfile) -> str:
    names = {**reference.counts, **current.counts}
    name = max(names, key=lambda value: abs(current.share(value) - reference.share(value)))
    return f"“{readable(name, 40)}” in {current.share(name):.1%} of the values, in the reference {reference.share(name):.1%}"


def _listed(columns: Sequence[str]) -> str:
    names = [column_name(column) for column in columns[:_NAMES]]
    if len(columns) > _NAMES:
        return f"{', '.join(names)} and {len(columns) - _NAMES:,} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _verb(columns: Sequence[str], singular: str, plural: str) -> str:
    return singular if len(columns) == 1 else plural
