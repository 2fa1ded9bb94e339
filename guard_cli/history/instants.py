"""A column of a history as instants: timestamps, text in ISO 8601 or as spreadsheets show it, Unix times, and days as numbers."""

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from guard_cli.terminal import CommandError

if TYPE_CHECKING:  # help must not wait for Arrow
    import pandas as pd
    import pyarrow as pa

    from ml.tables.columns import ColumnType

_CURE = "write times as 2024-05-01T12:00:00Z, or as seconds since 1970 (also milli-, micro- or nanoseconds)"
_PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_UNIX_SECONDS = (946_684_800, 4_102_444_800)  # the years 2000 to 2099, which are other numbers in each unit
_EXCEL_DAYS = (36_526, 73_051)  # the same years, in days since 1899-12-30
_EXCEL_UNIX_DAY = 25_569.0  # 1970-01-01
_DAY_MS = 86_400_000.0
_CALENDAR_DAYS = (20_000_101, 20_991_231)
_OFFSET = r":\d\d[^+-]*(?:Z|z|[+-]\d\d(?::?\d\d)?)$"


def to_instants(table: "pa.Table", name: str, timezone: str, *, required: bool = True) -> "pa.ChunkedArray":
    """Return a column as timestamps in microseconds and UTC.

    Parameters
    ----------
    timezone : of times without an offset.

    Raises
    ------
    CommandError
        If a value is no time, or is missing although it is required.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    values = table[name]
    kind = values.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        instants = _from_numbers(name, values, timezone)
    elif pa.types.is_timestamp(kind):
        instants = _from_timestamps(values, timezone)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        instants = _from_text(name, values.cast(pa.string()), timezone)
    elif pa.types.is_null(kind):
        instants = values.cast(pa.timestamp("us", "UTC"))
    else:
        raise CommandError(f"column {name!r} is of type {kind}, not a time; {_CURE}")
    if required and instants.null_count:
        raise CommandError(
            f"column {name!r} has no time in row {pc.index(pc.is_null(instants), value=True).as_py() + 1}"
        )
    return instants


def convert_text(text: "pa.ChunkedArray", column: "ColumnType") -> "pa.ChunkedArray":
    """Convert a column of text, which may have nulls, to its type; text that does not fit stays text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from ml.tables.columns import convert

    unquoted = pa.chunked_array([pa.repeat(pa.scalar(value=False), len(text))])
    return convert(pc.fill_null(text, ""), column, unquoted=unquoted)


def _from_numbers(name: str, values: "pa.ChunkedArray", timezone: str) -> "pa.ChunkedArray":
    """Convert Unix times, days as 20240131 or days of Excel; the form is the one in which all are between 2000 and 2099."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first, last = pc.min_max(values).as_py().values()
    start, end = _UNIX_SECONDS
    fitting = [per for per in _PER_SECOND.values() if first is None or start * per <= first <= last < end * per]
    if not fitting:
        local = _from_days(values, first, last)
        if local is None:
            raise CommandError(f"column {name!r} is a number, not a time; {_CURE}")
        return _from_timestamps(local, timezone)
    per_us = 10**6 / fitting[0]
    if pa.types.is_floating(values.type):
        micros = pc.round(pc.multiply(values, per_us)).cast(pa.int64())
    else:
        whole = values.cast(pa.int64())
        micros = pc.multiply(whole, int(per_us)) if per_us >= 1 else pc.divide(whole, round(1 / per_us))
    return micros.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))


def _from_days(values: "pa.ChunkedArray", first: float, last: float) -> "pa.ChunkedArray | None":
    """Return the local times of days as 20240131, or as Excel counts them; None if the numbers are others."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    if _EXCEL_DAYS[0] <= first <= last < _EXCEL_DAYS[1]:
        millis = pc.round(pc.multiply(pc.subtract(values.cast(pa.float64()), _EXCEL_UNIX_DAY), _DAY_MS))
        return millis.cast(pa.int64()).cast(pa.timestamp("ms"))
    if (
        not _CALENDAR_DAYS[0] <= first <= last <= _CALENDAR_DAYS[1]
        or not pc.all(pc.equal(pc.floor(values), values)).as_py()
    ):
        return None
    words = values.cast(pa.int64()).cast(pa.string()).to_pandas()
    days = pd.to_datetime(words, format="%Y%m%d", errors="coerce")
    return None if (days.isna() & words.notna()).any() else _as_arrow(days)


def _from_timestamps(values: "pa.ChunkedArray", timezone: str) -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    if values.type.tz is not None:
        return values.cast(pa.timestamp("us", "UTC"), safe=False)
    local = values.cast(pa.timestamp("us"), safe=False).to_pandas()
    # Of a wall-clock time that comes twice, the first; one that never comes is moved to the next that does.
    zoned = local.dt.tz_localize(ZoneInfo(timezone), ambiguous=True, nonexistent="shift_forward")
    utc = pa.array(zoned.dt.tz_convert("UTC").dt.tz_localize(None), pa.timestamp("us"), from_pandas=True)
    return pa.chunked_array([pc.assume_timezone(utc, "UTC")])


def _from_text(name: str, text: "pa.ChunkedArray", timezone: str) -> "pa.ChunkedArray":
    """Convert text that is all in one form, else value by value: some with an offset, or with different ones."""
    import pandas as pd
    import pyarrow.compute as pc
    import pyarrow.types as pa_types

    from ml.tables.columns import AmbiguousDatesError, ColumnType
    from ml.tables.read import AMBIGUOUS_DATES

    try:
        times = convert_text(text, ColumnType("date"))
    except AmbiguousDatesError:
        raise CommandError(f"column {name!r} {AMBIGUOUS_DATES}; {_CURE}") from None
    if pa_types.is_timestamp(times.type):
        return _from_timestamps(times, timezone)
    words = times.to_pandas().str.strip().str.replace(r" ?(?:UTC|GMT)$", "Z", regex=True)
    has_offset = words.str.contains(_OFFSET, na=False)
    _require_iso(name, words)
    utc = pd.to_datetime(words.where(has_offset), format="ISO8601", utc=True).dt.tz_localize(None)
    local = pd.to_datetime(words.mask(has_offset), format="ISO8601")
    return pc.coalesce(_from_timestamps(_as_arrow(utc), "UTC"), _from_timestamps(_as_arrow(local), timezone))


def _as_arrow(times: "pd.Series") -> "pa.ChunkedArray":
    import pyarrow as pa

    return pa.chunked_array([pa.array(times, pa.timestamp("ns"), from_pandas=True)])


def _require_iso(name: str, words: "pd.Series") -> None:
    import pandas as pd

    wrong = pd.to_datetime(words, format="ISO8601", utc=True, errors="coerce").isna() & words.notna()
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise CommandError(f"column {name!r} is not a time in row {row + 1}: {str(words.iloc[row])[:80]!r}; {_CURE}")
