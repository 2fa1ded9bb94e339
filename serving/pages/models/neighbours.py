"""The days beside a day, for links."""

from datetime import date


def day_before(day: str) -> str | None:
    """Return the day before; None before the first day that can be written.

    >>> day_before("2013-03-01"), day_before("0001-01-01")
    ('2013-02-28', None)
    """
    return _shifted(day, -1)


def day_after(day: str) -> str | None:
    """Return the day after; None after the last day that can be written.

    >>> day_after("2013-02-28"), day_after("9999-12-31")
    ('2013-03-01', None)
    """
    return _shifted(day, 1)


def _shifted(day: str, days: int) -> str | None:
    number = date.fromisoformat(day).toordinal() + days
    return date.fromordinal(number).isoformat() if 1 <= number <= date.max.toordinal() else None
