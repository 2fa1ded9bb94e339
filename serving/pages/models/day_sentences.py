"""The sentences with which the pages of a column and of a day begin; pure functions of the responses of the JSON routes."""

import math

from guard_core.formats import count, day, listed, number, percent
from guard_core.names import display_name
from serving.monitoring.features.schemas import CategoriesView, FeatureVerdict, FeatureView
from serving.monitoring.results.schemas import DayStateView, DriftView, PerformanceView

_MOST_NAMES = 5


def feature_sentence(view: FeatureView) -> str:
    """Return what has happened to a column on a day, with the numbers of its verdict."""
    verdict, when = view.verdict, day(view.day)
    if verdict is None:
        return _without_verdict(view, when)
    if verdict.state in {"drift", "warning", "stable"}:
        finding = _likeness(view, verdict) if verdict.state == "stable" else _change(view, verdict, when)
        return f"{finding}: {verdict.state} on {when}; {_evidence(verdict)}"
    if verdict.state == "insufficient_data":
        return f"It cannot be told yet whether {view.feature} drifts on {when}: {_shortage(verdict)}"
    if verdict.state == "no_data":
        return f"{view.feature} has no values on {when}; {_baseline_values(verdict)}"
    if verdict.state == "not_judged":
        return f"{view.feature} on {when}: {verdict.reason}"
    problem = "has changed its kind" if verdict.state == "kind_mismatch" else "cannot be compared"
    return f"{view.feature} {problem} on {when}: {verdict.reason}"


def day_sentence(
    when: str, state: DayStateView | None, drift: DriftView | None, performance: PerformanceView | None, metric: str
) -> str:
    """Return what has happened on a day: drift, performance and volume."""
    if state is None:
        return f"No events on {day(when)}"
    parts = [_day_drift(state, drift), _day_performance(performance, metric)]
    volume = f"{count(state.events, 'event')} on {day(when)}"
    return f"{volume}: {'; '.join(part for part in parts if part)}"


def _without_verdict(view: FeatureView, when: str) -> str:
    return {
        "no_events": f"The model has no events on {when}: there is nothing to say about {view.feature}",
        "not_processed": f"{when} is not processed yet: there is no verdict on {view.feature}",
        "missing_baseline": f"{view.feature} cannot be compared on {when}: the model has no baseline",
    }.get(view.state, f"{view.feature} is not judged on {when}")


def _change(view: FeatureView, verdict: FeatureVerdict, when: str) -> str:
    if verdict.about == "missing":
        shares = f"{percent(verdict.missing_share)} of the rows of {when}, {percent(verdict.reference_missing_share)}"
        return f"{view.feature} is missing in {shares} of those of the baseline"
    before, now = view.baseline_sample, view.window_sample
    if before is not None and now is not None and before.mean is not None and now.mean is not None:
        difference = now.mean - before.mean
        means = f"mean {number(now.mean)} against {number(before.mean)}"
        spread = max(before.std or 0.0, now.std or 0.0)
        if abs(difference) <= 0.1 * spread:
            return f"The values of {view.feature} are spread otherwise than in the baseline ({means})"
        way = "higher" if difference > 0 else "lower"
        return f"{view.feature} lies {number(abs(difference))} {way} than in the baseline ({means})"
    moved = None if view.categories is None else _largest_change(view.categories)
    return f"{view.feature} has other shares than in the baseline{f' ({moved})' if moved else ''}"


def _likeness(view: FeatureView, verdict: FeatureVerdict) -> str:
    limit = math.inf if verdict.warning_threshold is None else verdict.warning_threshold
    if verdict.effect is not None and verdict.effect >= limit:
        return f"{view.feature} differs from the baseline by no more than chance"
    return f"{view.feature} is as in the baseline"


def _largest_change(categories: CategoriesView) -> str | None:
    """Return the category whose share has changed most, with both shares."""
    before = sum(categories.baseline) + categories.baseline_other
    now = sum(categories.window) + categories.window_other + categories.unseen
    if not (before and now):
        return None
    shares = [
        (name, new / now, old / before)
        for name, old, new in zip(categories.names, categories.baseline, categories.window, strict=True)
    ]
    shares.append(("unseen values", categories.unseen / now, 0.0))
    name, new, old = max(shares, key=lambda item: abs(item[1] - item[2]))
    return f"{name} {percent(new)} against {percent(old)}"


def _evidence(verdict: FeatureVerdict) -> str:
    reached = verdict.warning_threshold if verdict.state == "warning" else verdict.drift_threshold
    size = f"{display_name(verdict.method or '')} {number(verdict.effect, 2)}, threshold {number(reached)}"
    return f"{size}; {_sample(verdict)}"


def _sample(verdict: FeatureVerdict) -> str:
    noun = "row" if verdict.about == "missing" else "value"
    size = f"{count(verdict.n, noun)} of {count(verdict.window_days or 1, 'day')}"
    if verdict.units == "days":
        return f"{size}, compared with the baseline day by day"
    if verdict.design_effect <= 1:
        return size
    return f"{size} count as {count(verdict.independent, 'independent one')}"


def _shortage(verdict: FeatureVerdict) -> str:
    threshold = f"{display_name(verdict.method or '')} {number(verdict.drift_threshold)}"
    if verdict.required_n is None or verdict.n >= verdict.required_n:
        worth = f", worth {count(int(verdict.m / verdict.design_effect), 'independent one')}," * (
            verdict.design_effect > 1
        )
        few = f"the {count(verdict.m, 'value')} of the baseline{worth} are too few to see {threshold}"
        return f"{few}; capture a longer baseline"
    needed = math.ceil(verdict.required_n / verdict.design_effect)
    sample = _sample(verdict)
    per_day = verdict.n / (verdict.window_days or 1)
    window = f", the values of about {count(math.ceil(verdict.required_n / per_day), 'such day')}" if per_day else ""
    if verdict.design_effect <= 1:
        return f"{sample}, {number(needed)} are needed to see {threshold}{window}"
    return f"{sample}; {number(needed)} are needed to see {threshold}{window}"


def _baseline_values(verdict: FeatureVerdict) -> str:
    return f"the baseline has {count(verdict.m, 'value')}" if verdict.m else "neither has the baseline"


def _day_drift(state: DayStateView, drift: DriftView | None) -> str:
    if drift is None:
        return {
            "failed": "processing failed",
            "open": "the day is not over yet",
            "pending": "not processed yet",
        }.get(state.state, "no drift report")
    if drift.state == "missing_baseline":
        return "nothing to compare with, as there is no baseline"
    slices = [f"{part.dimension.replace('_', ' ')} {part.value}" for part in drift.slices if part.drifted]
    in_slices = f", drift in {listed(slices, _MOST_NAMES)}" if slices else ""
    if drift.drifted:
        return f"drift of {listed(drift.drifted, _MOST_NAMES)}{in_slices}"
    if drift.warned:
        return f"warning for {listed(drift.warned, _MOST_NAMES)}{in_slices}"
    undecided = drift.summary.get("insufficient_data", 0)
    return f"no drift{' of the whole' if slices else ''}{in_slices}" + (
        f", {count(undecided, 'column')} undecided" if undecided else ""
    )


def _day_performance(performance: PerformanceView | None, metric: str) -> str:
    for word, part in (
        ("", performance and performance.realised),
        ("estimated ", performance and performance.estimated),
    ):
        value = ((part or {}).get("metrics") or {}).get(metric) or {}
        if value.get("value") is not None:
            interval = f"{number(value['low'])} to {number(value['high'])}"
            return f"{word}{display_name(metric)} {number(value['value'])} ({interval})"
    return ""
