"""Whether what people want to be told about holds on a day, and on enough of the newest days: pure functions.

Who is told belongs to `guard_store.alerts`; where the numbers come from to the pipelines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guard_core.names import name_of
from guard_core.project_settings.retrain import RetrainSettings
from ml.retraining.rule import DayEvidence, ModelState, performance_drop

_SAYS_NOTHING = frozenset({"missing_baseline", "no_data", "insufficient_data"})
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What holds on a day.

    Attributes
    ----------
    text : in a sentence without its end. lines : more of it, the worst first. value : how much; more is worse.
    """

    text: str
    value: float
    lines: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Looked:
    """A day that could be judged, and what holds on it; None where nothing does."""

    day: str
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class Held:
    """A condition over the newest days: `finding` is that of the newest day on which it holds; None where on too few."""

    day: str
    finding: Finding | None
    since_day: str | None
    held_days: int
    judged_days: int


def over_days(looked: Sequence[Looked], days: int, of_days: int) -> Held | None:
    """A condition over the newest `of_days` days that could be judged, oldest first; None where none could.

    Examples
    --------
    >>> bad = Finding("x", 1.0)
    >>> week = [Looked("03-01", bad), Looked("03-02", None), Looked("03-03", bad)]
    >>> over_days(week, 2, 3).since_day, over_days(week, 2, 2).finding
    ('03-01', None)
    """
    recent = looked[-of_days:]
    if not recent:
        return None
    holds = [(one.day, one.finding) for one in recent if one.finding is not None]
    if len(holds) < days:
        return Held(recent[-1].day, None, None, len(holds), len(recent))
    return Held(recent[-1].day, holds[-1][1], holds[0][0], len(holds), len(recent))


def drift(report: Mapping[str, Any], min_share: float) -> Finding | bool:
    """Columns in drift, where they are more than a share of those that could be judged; True: nothing can be said.

    Examples
    --------
    >>> drifting = {"column": "feature_age", "state": "drift", "method": "psi", "effect": 0.41, "drift_threshold": 0.2,
    ...             "adjusted_p_value": 0.001, "n": 900, "window_days": 2}
    >>> found = drift({"columns": [drifting, {"column": "y_pred", "state": "stable"}]}, 0.0)
    >>> found.text, *found.lines
    ('Drift in age: 1 of 2 judged columns', 'age: PSI is 0.41, drift from 0.2 on; 900 values of 2 days, adjusted p 0.001')
    """
    judged = [column for column in report.get("columns", []) if column["state"] not in _SAYS_NOTHING]
    if not judged:
        return True
    found = sorted((c for c in judged if c["state"] == "drift"), key=_strength, reverse=True)
    share = len(found) / len(judged)
    if not found or share <= min_share:
        return False
    names = [column["column"].removeprefix("feature_") for column in found]
    lines = [f"{name}: {_strength_in_words(column)}" for name, column in zip(names, found, strict=True)]
    counted = f"{len(found)} of {len(judged)} judged columns"
    return Finding(f"Drift in {_named(names)}: {counted}", share, lines)


def performance(evidence: DayEvidence, metric: str | None, reference: float | None, max_drop: float) -> Finding | bool:
    """A metric surely below the baseline by more than `max_drop` (of errors: that share of it); True: not known."""
    known = [(m or {}).get(str(metric), {}).get("value") for m in (evidence.realised, evidence.estimated)]
    if metric is None or reference is None or known == [None, None]:
        return True
    model = ModelState(metric, reference, {}, None, None, 0)
    settings = RetrainSettings(max_drop=max_drop, max_error_growth=max_drop)
    found = performance_drop(evidence, model, settings)
    if found is None:
        return False
    value, away = found["value"], abs(reference - found["value"])
    way = "higher" if value > reference else "lower"
    text = f"{found['kind'].capitalize()} {name_of(metric)} is {value:.3f}, {reference:.3f} in the baseline"
    rows = f" of {found['n']} rows" if "n" in found else ""
    lines = [
        f"{away:.3f} {way} than that, {found['max_drop']:.3g} is allowed; 95 % interval {found['low']:.3f} to {found['high']:.3f}{rows}"
    ]
    return Finding(text, away, lines)


def latency(metrics: Mapping[str, Any], most_ms: float) -> Finding | bool:
    """The 95th percentile above a limit; True: no latency is known."""
    p95 = (metrics.get("latency") or {}).get("p95")
    if p95 is None:
        return True
    if p95 <= most_ms:
        return False
    median = metrics["latency"]["p50"]
    return Finding(
        f"Latency: 95th percentile {p95:.0f} ms, {most_ms:g} ms are allowed", p95, [f"median {median:.0f} ms"]
    )


def rejected(events: int, rejections: Mapping[str, int], max_share: float) -> Finding | bool:
    """More than a share of a day's rows turned away; `rejections` by field. True: nothing came."""
    turned_away = sum(rejections.values())
    if not events and not turned_away:
        return True
    share = turned_away / (events + turned_away)
    if share <= max_share:
        return False
    worst = sorted(rejections.items(), key=lambda one: -one[1])
    lines = [f"{field}: {count} rows" for field, count in worst]
    counted = f"{turned_away} of {events + turned_away}"
    text = f"{_percent(share)} of the rows were rejected ({counted}), {_percent(max_share)} are allowed"
    return Finding(text, share, lines)


def away_from_usual(count: int, usual: float | None, max_share: float) -> Finding | bool:
    """A number of events more than a share away from the usual; True: nothing is usual yet.

    >>> away_from_usual(400, 1000.0, 0.5).text
    '400 events, 60.0 % fewer than the 1000 that are usual on that weekday'
    """
    if not usual:
        return True
    away = abs(count - usual) / usual
    if away <= max_share:
        return False
    way = "more" if count > usual else "fewer"
    return Finding(f"{count} events, {_percent(away)} {way} than the {usual:g} that are usual on that weekday", away)


def nulls(metrics: Mapping[str, Any], max_share: float) -> Finding | bool:
    """Features with more than a share of nulls; True: there are no features."""
    shares = {name: f["nulls"] / f["count"] for name, f in metrics.get("features", {}).items() if f["count"]}
    if not shares:
        return True
    found = sorted(((n, s) for n, s in shares.items() if s > max_share), key=lambda one: -one[1])
    if not found:
        return False
    lines = [f"{name}: {_percent(share)} null" for name, share in found]
    text = f"More than {_percent(max_share)} nulls in {_named([name for name, _ in found])}"
    return Finding(text, found[0][1], lines)


def _strength(column: Mapping[str, Any]) -> float:
    return float(column.get("effect") or 0.0) / float(column.get("drift_threshold") or 1.0)


def _strength_in_words(column: Mapping[str, Any]) -> str:
    size = f"{name_of(column['method'])} is {column['effect']:.3g}, drift from {column['drift_threshold']:g} on"
    days = column.get("window_days") or 1
    window = f"{column['n']} values of {days} days" if days > 1 else f"{column['n']} values of the day"
    return f"{size}; {window}, adjusted p {column['adjusted_p_value']:.2g}"


def _named(names: Sequence[str]) -> str:
    if len(names) <= _NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
