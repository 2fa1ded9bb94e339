"""Conditions of alert policies on one day, and over the newest days that could be judged: pure functions.

Thresholds, numbers and the texts of findings belong here; reading the numbers and sending alerts do not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guard_core.alerting.figures import Figure
from guard_core.alerting.words import drop_text
from guard_core.columns import feature_name
from guard_core.names import display_name
from ml.retraining.rule import DayEvidence, DecidingMetric, performance_drop

UNJUDGED_STATES = frozenset({"missing_baseline", "no_data", "insufficient_data", "not_judged"})
"""States of columns that do not count among the judged ones."""
_MAX_NAMES = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """A condition that holds on a day.

    Attributes
    ----------
    text : a sentence without its final period.
    value : the measured size, in the unit of the condition's threshold; larger is worse.
    lines : details, the worst first.
    figure : the number to show; of several, the worst.
    """

    text: str
    value: float
    lines: Sequence[str] = ()
    figure: Figure | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """A condition that cannot be judged on a day; `reason` is a phrase for people."""

    reason: str


Outcome = Finding | Unknown | None
"""A finding if the condition holds, None if it does not, `Unknown` if it cannot be judged."""


@dataclass(frozen=True, slots=True)
class JudgedDay:
    """A day on which a condition could be judged; `finding` is None if it does not hold."""

    day: str
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """A condition over the newest judged days.

    Attributes
    ----------
    day : the newest judged day.
    finding : of the newest day on which the condition holds; None if it holds on too few days.
    since_day : the first of the days on which it holds; None if it holds on too few days.
    held_days, judged_days : number of days on which it holds, and of days that could be judged.
    """

    day: str
    finding: Finding | None
    since_day: str | None
    held_days: int
    judged_days: int


def evaluate_days(judged: Sequence[JudgedDay], days: int, of_days: int) -> ConditionResult | None:
    """Evaluate a condition that must hold on `days` of the newest `of_days` judged days.

    Parameters
    ----------
    judged : the judged days, oldest first.
    days, of_days : required days, and days to look at.

    Returns
    -------
    The result, or None if no day could be judged.

    Examples
    --------
    >>> bad = Finding("x", 1.0)
    >>> week = [JudgedDay("03-01", bad), JudgedDay("03-02", None), JudgedDay("03-03", bad)]
    >>> evaluate_days(week, 2, 3).since_day, evaluate_days(week, 2, 2).finding
    ('03-01', None)
    """
    recent = judged[-of_days:]
    if not recent:
        return None
    findings = [(day.day, day.finding) for day in recent if day.finding is not None]
    if len(findings) < days:
        return ConditionResult(recent[-1].day, None, None, len(findings), len(recent))
    return ConditionResult(recent[-1].day, findings[-1][1], findings[0][0], len(findings), len(recent))


def check_drift(report: Mapping[str, Any], min_share: float) -> Outcome:
    """Check whether more than a share of the judged columns is in drift.

    Parameters
    ----------
    report : a drift report as plain data, with its `columns`.
    min_share : share of the judged columns that must be exceeded.

    Examples
    --------
    >>> drifting = {"column": "feature_age", "state": "drift", "method": "psi", "effect": 0.41, "drift_threshold": 0.2,
    ...             "adjusted_p_value": 0.001, "n": 900, "window_days": 2}
    >>> finding = check_drift({"columns": [drifting, {"column": "y_pred", "state": "stable"}]}, 0.0)
    >>> finding.text, *finding.lines
    ('Drift in age: 1 of 2 judged columns', 'age: PSI is 0.41, drift from 0.2 on; 900 values of 2 days, adjusted p 0.001')
    """
    judged = [column for column in report.get("columns", []) if column["state"] not in UNJUDGED_STATES]
    if not judged:
        return Unknown("no column could be judged")
    drifting = sorted((c for c in judged if c["state"] == "drift"), key=_strength, reverse=True)
    share = len(drifting) / len(judged)
    if not drifting or share <= min_share:
        return None
    names = [feature_name(column["column"]) for column in drifting]
    lines = [f"{name}: {_describe_strength(column)}" for name, column in zip(names, drifting, strict=True)]
    counts = f"{len(drifting)} of {len(judged)} judged columns"
    return Finding(f"Drift in {_list_names(names)}: {counts}", share, lines, _drift_figure(drifting[0]))


def check_performance(evidence: DayEvidence, metric: DecidingMetric | None, max_drop: float) -> Outcome:
    """Check whether a metric is significantly worse than in the baseline.

    Parameters
    ----------
    evidence : the day's realised and estimated metrics.
    metric : the metric that decides, in the baseline and on the days since.
    max_drop : allowed drop; of an error metric, the allowed growth as a share of its value in the baseline.
    """
    name = None if metric is None else metric.name
    values = [(m or {}).get(str(name), {}).get("value") for m in (evidence.realised, evidence.estimated)]
    if metric is None or values == [None, None]:
        return Unknown("the metric has no value or no baseline")
    drop = performance_drop(evidence, metric, max_drop=max_drop, max_error_growth=max_drop)
    if drop is None:
        return None
    value, baseline = drop["value"], drop["baseline"]
    worse = 1.0 if value > baseline else -1.0
    figure = Figure(
        f"{drop['kind']} {display_name(metric.name)}",
        value,
        metric.name,
        threshold=baseline + worse * drop["max_drop"],
        baseline=baseline,
        low=drop["low"],
        high=drop["high"],
        rows=drop.get("n"),
    )
    text = drop_text(drop)
    return Finding(text[:1].upper() + text[1:], abs(baseline - value), list(_describe_drop(drop)), figure)


def _describe_drop(drop: Mapping[str, Any]) -> Iterator[str]:
    difference = drop["baseline"] - drop["value"]
    size = (
        f"{abs(difference):.3f} {'lower' if difference > 0 else 'higher'} than that, {drop['max_drop']:.3g} is allowed"
    )
    rows = f" of {drop['n']} rows" if "n" in drop else ""
    interval = f"95 % interval {drop['low']:.3f} to {drop['high']:.3f}{rows}"
    yield f"{size}; {interval}"
    if "compared_days" in drop:
        days = f"{drop['compared_days']} days and {drop['baseline_days']} of the baseline"
        yield f"compared by days: {days}, rank sum p {drop['p_value']:.2g}"
    else:
        yield drop["note"]


def check_latency(metrics: Mapping[str, Any], max_ms: float) -> Outcome:
    """Check whether the 95th percentile of the latency exceeds `max_ms` milliseconds."""
    p95 = (metrics.get("latency") or {}).get("p95")
    if p95 is None:
        return Unknown("no latency was measured")
    if p95 <= max_ms:
        return None
    median = metrics["latency"]["p50"]
    text = f"Latency: 95th percentile {p95:.0f} ms, {max_ms:g} ms are allowed"
    figure = Figure("95th percentile of the latency, ms", p95, threshold=max_ms)
    return Finding(text, p95, [f"median {median:.0f} ms"], figure)


def check_rejections(events: int, rejections: Mapping[str, int], max_share: float) -> Outcome:
    """Check whether more than a share of the day's rows was rejected.

    Parameters
    ----------
    events : accepted rows. rejections : rejected rows by field.
    max_share : allowed share of all rows.
    """
    rejected = sum(rejections.values())
    if not events and not rejected:
        return Unknown("no rows were received")
    share = rejected / (events + rejected)
    if share <= max_share:
        return None
    worst = sorted(rejections.items(), key=lambda item: -item[1])
    lines = [f"{field}: {count} rows" for field, count in worst]
    counts = f"{rejected} of {events + rejected}"
    text = f"{_percent(share)} of the rows were rejected ({counts}), {_percent(max_share)} are allowed"
    return Finding(text, share, lines, Figure("share of rejected rows", share, threshold=max_share))


def check_volume(count: int, usual: float | None, max_share: float) -> Outcome:
    """Check whether the number of events differs from the usual one by more than a share of it.

    >>> check_volume(400, 1000.0, 0.5).text
    '400 events, 60.0 % fewer than the 1000 that are usual on that weekday'
    """
    if not usual:
        return Unknown("there is no usual number of events yet")
    deviation = abs(count - usual) / usual
    if deviation <= max_share:
        return None
    comparison = "more" if count > usual else "fewer"
    text = f"{count} events, {_percent(deviation)} {comparison} than the {usual:g} that are usual on that weekday"
    return Finding(text, deviation, figure=Figure("events of the day", count, baseline=usual))


def check_nulls(metrics: Mapping[str, Any], max_share: float) -> Outcome:
    """Check whether a feature has more than a share of nulls."""
    shares = {name: f["nulls"] / f["count"] for name, f in metrics.get("features", {}).items() if f["count"]}
    if not shares:
        return Unknown("there are no features")
    excessive = sorted(((n, s) for n, s in shares.items() if s > max_share), key=lambda item: -item[1])
    if not excessive:
        return None
    lines = [f"{name}: {_percent(share)} null" for name, share in excessive]
    text = f"More than {_percent(max_share)} nulls in {_list_names([name for name, _ in excessive])}"
    name, share = excessive[0]
    figure = Figure(f"share of nulls in {name}", share, name, threshold=max_share, feature=name)
    return Finding(text, share, lines, figure)


def _drift_figure(column: Mapping[str, Any]) -> Figure:
    name = feature_name(column["column"])
    measure = f"{display_name(column['method'])} of {name}"
    return Figure(
        measure,
        float(column["effect"]),
        column["column"],
        threshold=float(column["drift_threshold"]),
        rows=column["n"],
        feature=name,
    )


def _strength(column: Mapping[str, Any]) -> float:
    return float(column.get("effect") or 0.0) / float(column.get("drift_threshold") or 1.0)


def _describe_strength(column: Mapping[str, Any]) -> str:
    size = f"{display_name(column['method'])} is {column['effect']:.3g}, drift from {column['drift_threshold']:g} on"
    days = column.get("window_days") or 1
    window = f"{column['n']} values of {days} days" if days > 1 else f"{column['n']} values of the day"
    return f"{size}; {window}, adjusted p {column['adjusted_p_value']:.2g}"


def _list_names(names: Sequence[str]) -> str:
    if len(names) <= _MAX_NAMES + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_MAX_NAMES])} and {len(names) - _MAX_NAMES} more"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
