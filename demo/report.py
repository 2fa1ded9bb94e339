"""What the demo shows and keeps: the month-by-feature table of drift, and the summary in `demo.json`.

Reading the API's drift reports belongs here; judging does not.
"""

import calendar
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_NOTHING_SAID = frozenset({"insufficient_data", "no_data", "missing_baseline"})


@dataclass(frozen=True)
class Verdict:
    """What one day's report says about one column."""

    day: str
    column: str
    state: str
    method: str | None
    effect: float | None


def verdicts_of(reports: Sequence[Json]) -> list[Verdict]:
    """All columns' verdicts out of the API's drift reports, features first."""
    return [
        Verdict(report["day"], name, column["state"], column["method"], column["effect"])
        for report in reports
        for name, column in {**report["features"], **report["envelope"]}.items()
    ]


def first_drift_days(verdicts: Sequence[Verdict]) -> dict[str, str]:
    """The first day in drift of each column that ever was."""
    days: dict[str, str] = {}
    for verdict in sorted(verdicts, key=lambda verdict: verdict.day):
        if verdict.state == "drift":
            days.setdefault(verdict.column, verdict.day)
    return days


def drift_table(verdicts: Sequence[Verdict]) -> str:
    """Share of the month's days in drift, by column; `–` none, `?` too few rows to say on any, blank no such day."""
    months = sorted({verdict.day[:7] for verdict in verdicts})
    columns = list(dict.fromkeys(verdict.column for verdict in verdicts))
    width = max(map(len, [*columns, "feature"]), default=7)
    first = first_drift_days(verdicts)
    names = "".join(f"{calendar.month_abbr[int(month[5:])]:>5}" for month in months)
    lines = [f"{'feature':<{width}}{names}  first drift  strongest drift"]
    for column in columns:
        own = [verdict for verdict in verdicts if verdict.column == column]
        cells = "".join(f"{_share([v for v in own if v.day[:7] == month]):>5}" for month in months)
        lines.append(f"{column:<{width}}{cells}  {first.get(column, '–'):<11}  {_strongest(own)}".rstrip())
    return "\n".join(lines)


def write_summary(path: Path, summary: Json) -> None:
    """Replace the summary as a whole, so that no reader sees half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".json.new")
    half.write_text(json.dumps(summary, indent=2) + "\n")
    half.replace(path)


def _share(verdicts: Sequence[Verdict]) -> str:
    said = [verdict for verdict in verdicts if verdict.state not in _NOTHING_SAID]
    if not said:
        return "?" if verdicts else ""
    drifting = sum(verdict.state == "drift" for verdict in said)
    return f"{drifting / len(verdicts):.0%}" if drifting else "–"


def _strongest(verdicts: Sequence[Verdict]) -> str:
    drifting = [verdict for verdict in verdicts if verdict.state == "drift"]
    if not drifting:
        return ""
    strongest = max(drifting, key=lambda verdict: verdict.effect or 0.0)
    return f"{strongest.method} {strongest.effect:.2f} on {strongest.day}"
