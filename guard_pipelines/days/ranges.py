"""Days as few ranges: exactly these days if they are few, with gaps bridged if they are many and scattered.

Pure calendar work: which days are due is in `guard_store.day_state.store`, the requests for their runs are in `requests`.
"""

from collections.abc import Collection
from datetime import date, timedelta

DayRange = tuple[date, date]
"""First and last day, both included."""

_ONE_DAY = timedelta(days=1)


def day_ranges(days: Collection[date], *, max_ranges: int, max_days: int) -> list[DayRange]:
    """Cover the days with ranges, oldest first.

    Days without a gap make one range of at most `max_days`. Only if that leaves more than `max_ranges`, the smallest gaps
    are bridged: a run costs seconds, a day in it without unprocessed rows a millisecond.

    >>> [(str(a), str(b)) for a, b in day_ranges([date(2013, 1, d) for d in (1, 2, 4, 9)], max_ranges=2, max_days=400)]
    [('2013-01-01', '2013-01-04'), ('2013-01-09', '2013-01-09')]
    """
    ranges: list[DayRange] = []
    for day in sorted(set(days)):
        if ranges and ranges[-1][1] + _ONE_DAY == day and _fits(ranges[-1][0], day, max_days):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    while len(ranges) > max_ranges:
        joints = [i for i in range(len(ranges) - 1) if _fits(ranges[i][0], ranges[i + 1][1], max_days)]
        if not joints:
            break
        joint = min(joints, key=lambda i: ranges[i + 1][0] - ranges[i][1])
        ranges[joint : joint + 2] = [(ranges[joint][0], ranges[joint + 1][1])]
    return ranges


def _fits(first: date, last: date, max_days: int) -> bool:
    return (last - first).days < max_days
