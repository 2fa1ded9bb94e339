"""Tables on the terminal, and the summary in `demo.json`.

Formatting results of the API belongs here; computing verdicts does not.
"""

import calendar
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_NO_VERDICT = frozenset({"insufficient_data", "no_data", "missing_baseline", "not_judged"})


@dataclass(frozen=True)
class Verdict:
    """The verdict on one column in the drift report of one day."""

    day: str
    column: str
    state: str
    method: str | None
    effect: float | None


def verdicts_of(reports: Sequence[Json]) -> list[Verdict]:
    """Return the verdicts on all columns from the API's drift reports, features first."""
    return [
        Verdict(report["day"], name, column["state"], column["method"], column["effect"])
        for report in reports
        for name, column in {**report["features"], **report["envelope"]}.items()
    ]


def first_drift_days(verdicts: Sequence[Verdict]) -> dict[str, str]:
    """Return the first day in drift of each column that drifted."""
    days: dict[str, str] = {}
    for verdict in sorted(verdicts, key=lambda verdict: verdict.day):
        if verdict.state == "drift":
            days.setdefault(verdict.column, verdict.day)
    return days


def drift_table(verdicts: Sequence[Verdict]) -> str:
    """Format the share of each month's days in drift, by column.

    `–` means no drift, `?` too few rows on all days, and a blank no reports.
    """
    months = sorted({verdict.day[:7] for verdict in verdicts})
    columns = list(dict.fromkeys(verdict.column for verdict in verdicts))
    width = max(map(len, [*columns, "feature"]), default=7)
    first = first_drift_days(verdicts)
    names = "".join(f"{calendar.month_abbr[int(month[5:])]:>5}" for month in months)
    lines = [f"{'feature':<{width}}{names}  first drift  strongest drift"]
    for column in columns:
        of_column = [verdict for verdict in verdicts if verdict.column == column]
        cells = "".join(f"{_share([v for v in of_column if v.day[:7] == month]):>5}" for month in months)
        lines.append(f"{column:<{width}}{cells}  {first.get(column, '–'):<11}  {_strongest(of_column)}".rstrip())
    return "\n".join(lines)


def performance_of(days: Sequence[Json]) -> dict[str, float | None]:
    """Average the ROC AUC of a month's days, weighted by flights: realised from labels, and estimated without them."""
    return {kind: _weighted(days, kind) for kind in ("realised", "estimated")}


def month_line(month: Json) -> str:
    """Format a month in one line: flights, ROC AUC, reasons of the retrain rule, champion."""
    rules = sorted({reason["rule"] for flag in month["flags"] for reason in flag["reasons"]})
    flagged = f"flagged ({', '.join(rules)})" if rules else "no flag"
    return (
        f"{month['month']}: {month['flights']:,} flights, ROC AUC as mean of days {_auc(month['realised'])}"
        f" (estimated {_auc(month['estimated'])}); {flagged}; champion is version {month['champion_after']}"
    )


def month_table(months: Sequence[Json], summer: Json | None) -> str:
    """Format ROC AUC by month, with the reasons of retraining.

    Both models are compared on all flights of the month together; realised and estimated values are means of days, because an
    estimate is of a day.
    """
    groups = f"{'':<8} {'all flights together':>43}  {'':<9} {'mean of days':>18}"
    head = f"{'month':<8} {'January model':>21} {'guarded champion':>21}  {'versions':<9} {'realised':>8} {'estimated':>9}  flagged for"
    lines = [groups, head]
    for month in months:
        both = month["roc_auc"]
        rules = sorted({reason["rule"] for flag in month["flags"] for reason in flag["reasons"]})
        lines.append(
            f"{month['month']:<8} {_interval(both['static']):>21} {_interval(both['guarded']):>21}"
            f"  {', '.join(month['versions']):<9} {_auc(month['realised']):>8} {_auc(month['estimated']):>9}"
            f"  {', '.join(rules) or '–'}"
        )
    if summer is not None:
        lines.append(
            f"{'Jun–Aug':<8} {_interval(summer['static']):>21} {_interval(summer['guarded']):>21}"
            f"  better by {_interval(summer['difference'])}"
        )
    return "\n".join(lines)


def _interval(entry: Json) -> str:
    return f"{entry['value']:.3f} ({entry['low']:.3f}–{entry['high']:.3f})"


def _auc(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _weighted(days: Sequence[Json], kind: str) -> float | None:
    weighted_values = [
        (day["events"], day[kind]["metrics"]["roc_auc"]["value"])
        for day in days
        if day[kind] is not None and day[kind]["metrics"]["roc_auc"]["value"] is not None
    ]
    rows = sum(events for events, _ in weighted_values)
    return round(sum(events * value for events, value in weighted_values) / rows, 4) if rows else None


def write_summary(path: Path, summary: Json) -> None:
    """Replace the summary atomically, so that no reader sees a partial one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".json.new")
    temporary.write_text(json.dumps(summary, indent=2) + "\n")
    temporary.replace(path)


def _share(verdicts: Sequence[Verdict]) -> str:
    decided = [verdict for verdict in verdicts if verdict.state not in _NO_VERDICT]
    if not decided:
        return "?" if verdicts else ""
    drifting = sum(verdict.state == "drift" for verdict in decided)
    return f"{drifting / len(verdicts):.0%}" if drifting else "–"


def _strongest(verdicts: Sequence[Verdict]) -> str:
    drifting = [verdict for verdict in verdicts if verdict.state == "drift"]
    if not drifting:
        return ""
    strongest = max(drifting, key=lambda verdict: verdict.effect or 0.0)
    return f"{strongest.method} {strongest.effect:.2f} on {strongest.day}"
