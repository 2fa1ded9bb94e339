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


def performance_of(days: Sequence[Json]) -> dict[str, float | None]:
    """ROC AUC of a month as its days say it: realised from labels, estimated without, weighted by their flights."""
    return {kind: _weighted(days, kind) for kind in ("realised", "estimated")}


def month_line(month: Json) -> str:
    """One month in a line: who predicted, how good it was, what the rule said."""
    rules = sorted({reason["rule"] for flag in month["flags"] for reason in flag["reasons"]})
    flagged = f"flagged ({', '.join(rules)})" if rules else "no flag"
    return (
        f"{month['month']}: {month['flights']:,} flights, ROC AUC {_auc(month['realised'])}"
        f" (estimated {_auc(month['estimated'])}); {flagged}; champion is version {month['champion_after']}"
    )


def month_table(months: Sequence[Json], summer: Json | None) -> str:
    """ROC AUC by month: the January model, the guarded champion, what CBPE expected; and why it was retrained."""
    head = f"{'month':<8} {'January model':>21} {'guarded champion':>21}  {'versions':<9} {'realised':>8} {'estimated':>9}  flagged for"
    lines = [head]
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
    found = [
        (day["events"], day[kind]["metrics"]["roc_auc"]["value"])
        for day in days
        if day[kind] is not None and day[kind]["metrics"]["roc_auc"]["value"] is not None
    ]
    rows = sum(events for events, _ in found)
    return round(sum(events * value for events, value in found) / rows, 4) if rows else None


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
