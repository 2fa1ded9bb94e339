"""When a message may be sent: quiet hours in a project's local time, past midnight and across changes of the clock.

Which policy has which quiet hours is `policy`.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from guard_core.alerting.policy import QuietHours
from guard_core.days import from_microseconds, known_zone, local_days, microseconds


def due_us(quiet: QuietHours | None, severity: str, timezone: str, at_us: int) -> int:
    """Return the first instant from `at_us` on that is outside the quiet hours.

    >>> from datetime import time
    >>> from guard_core.units import HOUR_US
    >>> night = QuietHours(start=time(22), end=time(7))
    >>> at = microseconds(datetime.fromisoformat("2025-03-09T01:30:00-05:00"))  # the night is an hour shorter
    >>> (due_us(night, "error", "America/New_York", at) - at) / HOUR_US
    4.5
    >>> due_us(night, "critical", "America/New_York", at) == at
    True
    """
    if quiet is None or (severity == "critical" and quiet.wake_for_critical):
        return at_us
    zone = known_zone(timezone)
    local = from_microseconds(at_us).astimezone(zone)
    over_midnight = quiet.end <= quiet.start
    clock = local.time()
    after_start, before_end = clock >= quiet.start, clock < quiet.end
    is_quiet = (after_start or before_end) if over_midnight else (after_start and before_end)
    if not is_quiet:
        return at_us
    days = 1 if over_midnight and clock >= quiet.start else 0
    return max(at_us, _instant(local, days, quiet, zone))


def span_end_us(span: str | None, timezone: str) -> int | None:
    """Return the first instant after the span of a budget, a local day or month; None if the span has no end.

    >>> from_microseconds(span_end_us("2025-12", "UTC")).date().isoformat(), span_end_us("total", "UTC")
    ('2026-01-01', None)
    """
    if span is None or not span[:4].isdigit():
        return None
    if len(span) == len("2025-12"):
        after = (date.fromisoformat(f"{span}-01") + timedelta(days=31)).replace(day=1)
        return local_days(timezone).bounds_us(after)[0]
    return local_days(timezone).bounds_us(date.fromisoformat(span))[1]


def _instant(local: datetime, days: int, quiet: QuietHours, zone: ZoneInfo) -> int:
    """Return the end of the quiet hours; if the clock skips that time, the same time after the change."""
    end = datetime.combine(local.date() + timedelta(days=days), quiet.end, tzinfo=zone)
    return microseconds(end.replace(fold=local.fold))  # if the time occurs twice, the occurrence that `local` is in
