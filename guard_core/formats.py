"""Numbers, days and instants as people read them; each function is a filter of the templates of pages."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

MISSING = "–"


def number(value: float | None, digits: int = 3) -> str:
    """Format a number with so many significant digits, and thousands separated.

    >>> number(0.58712), number(27148), number(12.0), number(None), number(1234567.8), number(0.00001234)
    ('0.587', '27,148', '12', '–', '1,234,568', '1.23e-05')
    """
    if value is None:
        return MISSING
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 10**digits:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def listed(names: Sequence[str], most: int) -> str:
    """Join names as a sentence does; of more than one beyond `most`, the first and how many follow.

    >>> listed(["a"], 1), listed(["a", "b"], 1), listed(["a", "b", "c", "d"], 2)
    ('a', 'a and b', 'a, b and 2 more')
    """
    shown = names[:most] if len(names) > most + 1 else names
    more = [f"{len(names) - len(shown)} more"] if len(shown) < len(names) else []
    *first, last = [*shown, *more]
    return f"{', '.join(first)} and {last}" if first else last


def fixed(value: float | None, places: int = 3) -> str:
    """Format a number with so many decimal places, for columns of a table.

    >>> fixed(0.5), fixed(-0.0001), fixed(None)
    ('0.500', '0.000', '–')
    """
    if value is None:
        return MISSING
    text = f"{value:,.{places}f}"
    return text.lstrip("-") if not text.strip("-0.,") else text


def compact(value: float | None) -> str:
    """Format a count so that it fits into a tile.

    >>> compact(336777), compact(1_240_000), compact(870), compact(None)
    ('336,777', '1.24 M', '870', '–')
    """
    if value is None:
        return MISSING
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:,.0f}"


def percent(share: float | None, digits: int = 2) -> str:
    """Format a share of one as a percentage.

    >>> percent(0.9612), percent(1.0), percent(0.0004), percent(0.123), percent(None)
    ('96 %', '100 %', '0.04 %', '12 %', '–')
    """
    if share is None:
        return MISSING
    percentage = 100 * share
    if percentage and abs(percentage) < 1:
        return f"{percentage:.1g} %"
    return f"{round(percentage, max(0, digits - 2)):g} %"


def usd(amount: float | None) -> str:
    """Format an amount of US dollars; cents, or more places for less than a cent.

    >>> usd(12.5), usd(0), usd(0.00042), usd(1234), usd(None)
    ('$12.50', '$0.00', '$0.00042', '$1,234.00', '–')
    """
    if amount is None:
        return MISSING
    if 0 < abs(amount) < 0.01:
        return f"${amount:.2g}"
    return f"${amount:,.2f}"


def milliseconds(value: float | None) -> str:
    """Format a duration in milliseconds.

    >>> milliseconds(3.21), milliseconds(45.6), milliseconds(12_500), milliseconds(None)
    ('3.2 ms', '46 ms', '12.5 s', '–')
    """
    if value is None:
        return MISSING
    if value >= 1_000:
        return f"{value / 1_000:.3g} s"
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def size(value: float | None) -> str:
    """Format a number of bytes, in the largest decimal unit.

    >>> size(512), size(261_586_944), size(1_040_384), size(2.5e12), size(None)
    ('512 B', '262 MB', '1.04 MB', '2.5 TB', '–')
    """
    if value is None:
        return MISSING
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:.0f} B"


def day(value: str | date | None) -> str:
    """Format a local day.

    >>> day("2013-01-05"), day(None)
    ('5 Jan 2013', '–')
    """
    if value is None:
        return MISSING
    parsed = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{parsed.day} {parsed:%b %Y}"


def instant(value: datetime | None) -> str:
    """Format an instant in UTC, to the minute.

    >>> instant(datetime(2026, 11, 29, 15, 53, 20, tzinfo=UTC)), instant(None)
    ('2026-11-29 15:53 UTC', '–')
    """
    return MISSING if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def ago(value: datetime | None, now: datetime | None = None) -> str:
    """Format how long ago an instant was, in its largest unit.

    >>> noon = datetime(2026, 11, 29, 12, tzinfo=UTC)
    >>> ago(datetime(2026, 11, 29, 11, 58, tzinfo=UTC), noon), ago(datetime(2026, 11, 1, tzinfo=UTC), noon)
    ('2 minutes ago', '28 days ago')
    """
    if value is None:
        return MISSING
    seconds = ((now or datetime.now(UTC)) - value).total_seconds()
    for limit, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= limit:
            return f"{count(int(seconds // limit), unit)} ago"
    return "just now"


def count(value: int, noun: str, plural: str | None = None) -> str:
    """Format a count with its noun.

    >>> count(1, "day"), count(1200, "event"), count(2, "entry", "entries")
    ('1 day', '1,200 events', '2 entries')
    """
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


FILTERS = {
    function.__name__: function
    for function in (number, fixed, compact, percent, usd, milliseconds, size, day, instant, ago, count)
}
