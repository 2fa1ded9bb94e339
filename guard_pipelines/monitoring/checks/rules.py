"""When a day's metrics are out of the ordinary for its model: pure functions over stored metrics.

What is read is in `history`, how findings are reported in `odd_days`.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

TRAILING_DAYS = 28
_ROBUST_STD = 1.4826  # of the median absolute deviation, for a normal distribution
_VOLUME_STDS = 5.0
_VOLUME_SHARE = 0.3
_VOLUME_HISTORY = 3
_NULL_HISTORY = 7
_NULL_STDS = 5.0
_NULL_SHARE = 0.05

Metrics = Mapping[str, Any]


def odd_volume(count: int, same_weekdays: Sequence[int]) -> str | None:
    """Describe what is odd about a day's number of events beside the same weekday of the weeks before; None if nothing is.

    A count is odd if it lies both five robust standard deviations and 30 % away from the median. The deviation is at least
    that of a Poisson count.

    >>> odd_volume(100, [1000, 1040, 980, 1010])
    '100 events, 1005 on the same weekdays before'
    >>> odd_volume(950, [1000, 1040, 980, 1010]), odd_volume(0, [1000])
    (None, None)
    """
    if len(same_weekdays) < _VOLUME_HISTORY:
        return None
    usual = median(same_weekdays)
    spread = _ROBUST_STD * median(abs(value - usual) for value in same_weekdays)
    allowed = max(_VOLUME_STDS * max(spread, math.sqrt(usual)), _VOLUME_SHARE * usual)
    return None if abs(count - usual) <= allowed else f"{count} events, {usual:g} on the same weekdays before"


def unseen_features(today: Metrics, before: Sequence[Metrics]) -> list[str]:
    """Return the features with values today that had none on any day before; none on the first day.

    >>> x, y = {"count": 5, "nulls": 0}, {"count": 5, "nulls": 5}
    >>> unseen_features({"features": {"x": x, "y": x}}, [{"features": {"x": x, "y": y}}])
    ['y']
    """
    if not before:
        return []
    seen_before = {name for metrics in before for name in _present(metrics)}
    return sorted(_present(today) - seen_before)


def null_jumps(today: Metrics, before: Sequence[Metrics], baseline: Sequence[Metrics] | None = None) -> list[str]:
    """Return the features whose share of nulls today is far above its median on the days of the baseline, and above that of each.

    Far means both five percentage points and five standard errors, at today's number of rows. Features that the baseline lacks,
    and all without a baseline, are compared with the trailing days if there are seven: those learn a lasting jump, the
    baseline does not.

    Parameters
    ----------
    before : metrics of the trailing days.
    baseline : metrics of the days of the baseline in force; None without one.

    >>> def day(nulls):
    ...     return {"features": {"x": {"count": 1000, "nulls": nulls}}}
    >>> null_jumps(day(300), [day(10), day(20)] * 4), null_jumps(day(30), [day(10), day(20)] * 4)
    (['x: 30.0 % null, 1.5 % before'], [])
    >>> null_jumps(day(300), [day(300)] * 28, [day(10), day(20)])
    ['x: 30.0 % null, 1.5 % in the baseline']
    """
    jumps = []
    for name, feature in today.get("features", {}).items():
        shares, place = _null_shares(name, baseline or []), "in the baseline"
        if not shares:
            shares, place = _null_shares(name, before), "before"
            if len(shares) < _NULL_HISTORY:
                continue
        if not feature["count"]:
            continue
        usual, share = median(shares), _null_share(feature)
        expected = min(max(usual, 1 / feature["count"]), 1.0)
        error = math.sqrt(expected * (1 - expected) / feature["count"])
        if share > max(shares) and share - usual > max(_NULL_SHARE, _NULL_STDS * error):
            jumps.append(f"{name}: {share:.1%} null, {usual:.1%} {place}".replace("%", " %"))
    return jumps


def _present(metrics: Metrics) -> set[str]:
    return {name for name, feature in metrics.get("features", {}).items() if feature["count"] > feature["nulls"]}


def _null_shares(name: str, days: Sequence[Metrics]) -> list[float]:
    """Return a feature's share of nulls on each day that has it."""
    return [_null_share(metrics["features"][name]) for metrics in days if name in metrics.get("features", {})]


def _null_share(feature: Metrics) -> float:
    return float(feature["nulls"] / feature["count"]) if feature["count"] else 0.0
