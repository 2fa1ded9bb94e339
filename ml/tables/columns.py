"""The types of columns of text: numbers, booleans, dates or text, and which of their words mean a missing value.

Reading files does not belong here, it is in `read.py`; neither do kinds of features, which are in `ml.monitoring.kinds`.
"""

import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_tz
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

Type = Literal["number", "boolean", "date", "text"]
DecimalSign = Literal[",", "."]

# The words of `pandas.read_csv`, and that of Hive, MySQL and PostgreSQL.
MISSING_WORDS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null", "\\N",
)  # fmt: skip
# Of SAS, Stata, Excel and pandas: values in a column of text, missing among numbers, booleans and dates.
_MISSING_NUMBERS = (
    ".", "._", *(f".{letter}" for letter in string.ascii_lowercase), "-", "?", "NaT",
    "#NV", "#N/D", "#N/B", "#I/T", "#Н/Д",  # noqa: RUF001 - Excel's #N/A in other languages
)  # fmt: skip
_EXCEL_ERROR = r"^#[\p{L}¡¿][\p{L}/0_]*[!?]$"  # such as #DIV/0!, in the language of its user
# Words that are as often a value: the country Namibia, "None" of several kinds of masonry.
AMBIGUOUS_WORDS = ("NA", "None")
_FREQUENT_SHARE = 0.01
_FIRST_ROWS = 100
_LOWER_WORDS = pa.array(sorted({word.lower() for word in (*MISSING_WORDS, *_MISSING_NUMBERS)}))
_LEADING_ZERO = r"^[+-]?0\d"  # of postal codes, ids and telephone numbers
_INTEGER = r"^[+-]?\d+$"
_UNITS = (
    "%", "‰", "$", "€", "£", "¥", "￥", "円", "₹", "₽", "₺", "₩", "₪", "R$", "zł", "Kč", "kr.", "kr",
    "USD", "EUR", "GBP", "CHF", "JPY", "INR", "BRL", "PLN", "SEK", "NOK", "DKK", "CAD", "AUD", "CNY",
)  # fmt: skip
_SPACES = r"[\s\x{a0}\x{202f}]*"  # also those that do not break a line
_GROUPED = r"^[+-]?(\d{1,3}([ \x{a0}\x{202f}'\x{2019}]\d{3})+|\d+)([.,]\d+)?$"
# Of accounting, where a dash is zero, and SAP; without decimal places `2-` is a mark at school.
_ACCOUNTING = (
    (")", r"^([$€£¥₹]?)\s*\(([^()]*\d[^()]*)\)$", r"-\1\2"),
    ("-", r"^(.*\d[.,]\d+)-$", r"-\1"),
    ("-", r"^([$€£¥₹])\s*-$", r"\10"),
    ("€", r"^-\s*€$", "0€"),
)
_IN_PARENTHESES = r"^\(\d+\)$"
_WITH_PLUS = r"^\+\d+$"  # of telephone numbers
_GROUP_SEPARATOR = r"[ \x{a0}\x{202f}'\x{2019}]"
_INFINITE = r"^[+-]?(?i:inf(inity)?)$"
_THOUSANDS_POINT = r"^[+-]?([1-9]\d{0,2}(\.\d{3})*|0)$"
# A number whose decimal sign is a comma, or a point: what both fit, such as `1,234`, other columns of the file decide.
_WITH_DECIMAL: Mapping[DecimalSign, str] = {
    ",": rf"^[+-]?([1-9]\d{{0,2}}(\.\d{{3}})+|\d+)(,\d+)?([eE][+-]?\d+)?$|{_INFINITE}",
    ".": rf"^[+-]?([1-9]\d{{0,2}}(,\d{{2,3}})*,\d{{3}}|\d*)(\.\d+)?([eE][+-]?\d+)?$|{_INFINITE}",
}
# Of PostgreSQL, and of Excel in the language of its user.
_BOOLEANS = (
    ("true", "false"), ("t", "f"), ("wahr", "falsch"), ("vrai", "faux"), ("verdadero", "falso"), ("verdadeiro", "falso"), ("vero", "falso"),
    ("waar", "onwaar"), ("sant", "falskt"), ("sand", "falsk"), ("sann", "usann"), ("tosi", "epätosi"), ("prawda", "fałsz"),
    ("pravda", "nepravda"), ("igaz", "hamis"), ("истина", "ложь"),
)  # fmt: skip
# Of spreadsheets, SAS, SQL Server, mails and browsers: the number of digits of the year decides, because `%Y` also reads two.
_DAYS = (
    (r"\d{1,2}[./-]\d{1,2}[./-]\d{4}|\d{4}/\d{1,2}/\d{1,2}", ("%d.%m.%Y", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")),
    (r"\d\d\.\d\d\.\d\d|\d{1,2}/\d{1,2}/\d\d", ("%d.%m.%y", "%d/%m/%y", "%m/%d/%y")),
    (r"\d{1,2}[ -]?[A-Za-z]{3,9}[ -]?\d{4}|[A-Za-z]{3,9} \d{1,2},? \d{4}", ("%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%b %d %Y")),
    (r"\d\d[ -]?[A-Za-z]{3}[ -]?\d\d", ("%d %b %y", "%d-%b-%y")),
)  # fmt: skip
_HOUR = r"([ :]\d{1,2}:\d\d(:\d\d(\.\d+)?)?( ?[AaPp][Mm])?)?"
_FRACTION = r"(:\d\d:\d\d)(\.\d+)"
_WEEKDAY = r"^(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? "
_ZONE = (
    r"(?P<time>:\d\d(?:\.\d+)?(?: ?[AaPp][Mm])?)"
    r" ?(?P<zone>(?:GMT|UTC)?[+-]\d\d:?\d\d(?: \([^()]*\))?|GMT|UTC?|[ECMP][SD]T)$"
)
_ISO_OFFSET = r"(\d) ([+-]\d\d:?\d\d)(?: UTC)?$"
_WITHOUT_SECONDS = r"( \d{1,2}:\d\d)( ?[AaPp][Mm])?$"
_HOURS = ("", " %H:%M:%S", " %I:%M:%S %p", " %I:%M:%S%p", ":%H:%M:%S")


class AmbiguousDatesError(ValueError):
    """Dates of a column can begin with the day as well as with the month."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """How the text of a column is read.

    Attributes
    ----------
    name : the type of its values.
    words : of a column of text, the ambiguous words that are values.
    day_format : of a column of dates as spreadsheets show them, the format of the day, if the dates tell it.
    decimal : of a column of numbers, the decimal sign of its file.
    """

    name: Type
    words: frozenset[str] = frozenset()
    day_format: str | None = None
    decimal: DecimalSign | None = None


def learn_type(text: pa.ChunkedArray, *, decimal: DecimalSign = ".") -> ColumnType | None:
    """Return the type of a column of text, or None if all values are missing.

    Ambiguous words are values in a column of text if they are 1 % of its rows.

    Parameters
    ----------
    decimal : the decimal sign of numbers that can be read both ways, as `decimal_sign` returns it for a file.

    Examples
    --------
    >>> learn_type(pa.chunked_array([["1.5", "n/a"]])).name, learn_type(pa.chunked_array([["01234", "99999"]])).name
    ('number', 'text')
    """
    if not pc.any(pc.invert(_is_missing_number(text))).as_py():
        return None
    if (numbers := _as_numbers(text, decimal)) is not None and not _are_codes(text, numbers):
        return ColumnType("number", decimal=decimal)
    booleans = _as_booleans(text)
    # "Sand" is a material and a Danish boolean: only a pair of words shows the language.
    if booleans is not None and (
        len(pc.unique(booleans.drop_null())) == 2 or _match(_present(text), "(?i)^(true|false)$")
    ):
        return ColumnType("boolean")
    try:
        dates, day_format = _as_dates(text)
    except AmbiguousDatesError:
        return ColumnType("date")
    if dates is not None:
        return ColumnType("date", day_format=day_format)
    frequent = (word for word in AMBIGUOUS_WORDS if pc.sum(pc.equal(text, word)).as_py() >= _FREQUENT_SHARE * len(text))
    return ColumnType("text", frozenset(frequent))


def convert(
    text: pa.ChunkedArray,
    column: ColumnType,
    *,
    unquoted: pa.ChunkedArray,
    decimal: DecimalSign = ".",
) -> pa.ChunkedArray:
    """Convert a column of text to its type; text that does not fit the type stays text.

    In a column of booleans with other words, `true` and `false` are spelt so in any case.

    Parameters
    ----------
    text : (n,) strings without nulls.
    unquoted : (n,) whether a value is an ambiguous word without quotes.
    decimal : the decimal sign of numbers that can be read both ways.

    Raises
    ------
    AmbiguousDatesError
        If dates can begin with the day as well as with the month, and `column.day_format` does not fit them.
    """
    converters: dict[Type, Callable[[], pa.ChunkedArray | None]] = {
        "number": lambda: _as_numbers(text, decimal),
        "boolean": lambda: _as_booleans(text),
        "date": lambda: _as_dates(text, column.day_format)[0],
        "text": lambda: None,
    }
    if (values := converters[column.name]()) is not None:
        return values
    if column.name == "boolean":
        lower = pc.utf8_lower(text)
        text = pc.if_else(pc.is_in(lower, pa.array(["true", "false"])), lower, text)
    return _as_text(text, column.words, unquoted)


def _as_text(text: pa.ChunkedArray, words: frozenset[str], unquoted: pa.ChunkedArray) -> pa.ChunkedArray:
    certain = pc.is_in(text, pa.array([word for word in MISSING_WORDS if word not in AMBIGUOUS_WORDS]))
    doubtful = pc.and_(unquoted, pc.invert(pc.is_in(text, pa.array(sorted(words), pa.string()))))
    return _without(text, pc.or_(certain, doubtful))


def _is_missing_number(text: pa.ChunkedArray) -> pa.ChunkedArray:
    trimmed = pc.utf8_trim_whitespace(text)
    missing = pc.is_in(pc.utf8_lower(trimmed), _LOWER_WORDS)
    if pc.any(pc.starts_with(trimmed, "#")).as_py():
        missing = pc.or_(missing, pc.match_substring_regex(trimmed, _EXCEL_ERROR))
    return missing


def _without(text: pa.ChunkedArray, missing: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(missing, pa.scalar(None, text.type), text)


def _present(text: pa.ChunkedArray) -> pa.ChunkedArray:
    return _without(pc.utf8_trim_whitespace(text), _is_missing_number(text))


def decimal_sign(columns: Sequence[pa.ChunkedArray], otherwise: DecimalSign) -> DecimalSign:
    """Return the decimal sign of a file: that of its columns whose numbers can be read in one way only.

    Parameters
    ----------
    otherwise : if no column tells it, or they differ; without numbers that have commas, it is a point.

    Examples
    --------
    >>> decimal_sign([pa.chunked_array([["1,234", "950"]]), pa.chunked_array([["0.5", "1.5"]])], ",")
    '.'
    """
    fitting = [(column, signs) for column in columns if (signs := _fitting_signs(column))]
    certain = {signs[0] for _, signs in fitting if len(signs) == 1}
    if len(certain) == 1:
        return certain.pop()
    has_commas = any(pc.any(pc.match_substring(column, ",")).as_py() for column, _ in fitting)
    return otherwise if has_commas else "."


def _fitting_signs(text: pa.ChunkedArray) -> list[DecimalSign]:
    """Return the decimal signs with which all values of a column are numbers; none for whole numbers without separators."""
    if not pc.any(pc.match_substring_regex(text, r"[.,]\d")).as_py():
        return []
    present = _bare_numbers(text)
    return [sign for sign, pattern in _WITH_DECIMAL.items() if _match(present, pattern)]


def _as_numbers(text: pa.ChunkedArray, decimal: DecimalSign) -> pa.ChunkedArray | None:
    present = _bare_numbers(text)
    if decimal == "," and _match(present, _THOUSANDS_POINT):
        present = pc.replace_substring(present, ".", "")
    numbers = cast_or_none(present, pa.float64())
    if numbers is not None:
        integers = cast_or_none(present, pa.int64())
        return numbers if integers is None else integers
    for sign in sorted(_WITH_DECIMAL, key=lambda sign: sign != decimal):  # that of the file first
        if _match(present, _WITH_DECIMAL[sign]):
            present = pc.replace_substring(present, "." if sign == "," else ",", "")
            return cast_or_none(pc.replace_substring(present, sign, "."), pa.float64())
    return None


def _bare_numbers(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return numbers for people with their separators of decimals and thousands alone: without unit, plus and spaces."""
    present = _without_accounting(pc.replace_substring(_present(text), "\N{MINUS SIGN}", "-"))
    present = _without_unit(present)
    if pc.any(pc.starts_with(present, "+")).as_py():
        present = pc.replace_substring_regex(present, r"^\+([\d.,])", r"\1")
    return pc.replace_substring_regex(present, _GROUP_SEPARATOR, "") if _match(present, _GROUPED) else present


def _without_accounting(present: pa.ChunkedArray) -> pa.ChunkedArray:
    for sign, pattern, number in _ACCOUNTING:
        if pc.any(pc.ends_with(present, sign)).as_py():
            present = pc.replace_substring_regex(present, pattern, number)
    return present


def _without_unit(present: pa.ChunkedArray) -> pa.ChunkedArray:
    """Remove a percent or currency sign before or after all numbers; a column of several units is no column of numbers."""
    for unit in filter(_first(present).__contains__, _UNITS):
        for pattern, number in ((rf"^([+-]?)\Q{unit}\E{_SPACES}", r"\1"), (rf"{_SPACES}\Q{unit}\E$", "")):
            if _match(present, pattern):
                return pc.replace_substring_regex(present, pattern, number)
    return present


def _are_codes(text: pa.ChunkedArray, numbers: pa.ChunkedArray) -> bool:
    """Return whether numbers would lose a part of the text: leading zeros, digits of integers beyond 64 bits, parentheses or plus signs of all."""
    present = _present(text)
    if pc.any(pc.match_substring_regex(present, _LEADING_ZERO)).as_py():
        return True
    if _first(present).startswith(("(", "+")) and (_match(present, _IN_PARENTHESES) or _match(present, _WITH_PLUS)):
        return True
    return pa.types.is_floating(numbers.type) and _match(present, _INTEGER)


def _as_booleans(text: pa.ChunkedArray) -> pa.ChunkedArray | None:
    lower = pc.utf8_lower(_present(text))
    first = _first(lower)
    for words in (words for words in _BOOLEANS if first in (*words, "")):
        if pc.all(pc.or_(pc.is_null(lower), pc.is_in(lower, pa.array(words)))).as_py():
            return pc.equal(lower, words[0])
    return None


def _as_dates(text: pa.ChunkedArray, day_format: str | None = None) -> tuple[pa.ChunkedArray | None, str | None]:
    """Convert dates, None if they are none; return with them the format of days that spreadsheets show."""
    present = _present(text)
    if re.match(r"\d{4}-\d\d-\d\d", _first(present)):
        return _as_iso_dates(present), None
    words = present
    if re.match(r"[A-Za-z]{3,9},? .*\d", _first(present)):  # SQL Server pads days with a space
        words = pc.replace_substring_regex(pc.replace_substring_regex(present, " +", " "), _WEEKDAY, "")
    words, offsets_s = _split_zone(words)
    for day, formats in _DAYS:
        pattern = f"^({day}){_HOUR}$"
        if re.match(pattern, _first(words)) and _match(words, pattern):
            known = _parse_local_dates(words, [name for name in formats if name == day_format])
            dates, day_format = _unambiguous(known or _parse_local_dates(words, formats))
            return (dates if dates is None or offsets_s is None else _in_utc(dates, offsets_s)), day_format
    return None, None


def _as_iso_dates(present: pa.ChunkedArray) -> pa.ChunkedArray | None:
    present = pc.replace_substring_regex(present, _ISO_OFFSET, r"\1\2")
    present = pc.replace_substring_regex(present, r" ?UTC$", "Z")
    for unit in ("us", "ns"):
        for zone in (None, "UTC"):
            if (dates := cast_or_none(present, pa.timestamp(unit, zone))) is not None:
                return dates.cast(pa.timestamp("us", zone), safe=False)
    return None


def _split_zone(words: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray | None]:
    """Return times without the zones at their ends, and these as seconds from UTC; None for them if a time has none."""
    if not re.search(_ZONE, _first(words)) or not _match(words, _ZONE):
        return words, None
    zones = pc.struct_field(pc.extract_regex(words, _ZONE), "zone")
    seconds = {zone: _offset_s(zone) for zone in pc.unique(zones).to_pylist() if zone is not None}
    places = pc.index_in(zones, pa.array(seconds.keys(), pa.string()))
    offsets = pc.take(pa.array(seconds.values(), pa.int64()), places)
    return pc.replace_substring_regex(words, _ZONE, r"\1"), offsets


def _offset_s(zone: str) -> int:
    numbers = re.search(r"[+-]\d\d:?\d\d", zone)
    offset = numbers[0].replace(":", "") if numbers else zone.strip()
    parsed = parsedate_tz(f"1 Jan 2000 00:00:00 {offset}")
    return (parsed and parsed[9]) or 0


def _in_utc(local: pa.ChunkedArray, offsets_s: pa.ChunkedArray) -> pa.ChunkedArray:
    utc = pc.subtract(local, pc.multiply(offsets_s, 1_000_000).cast(pa.duration("us")))
    return pc.assume_timezone(utc, "UTC")


def _parse_local_dates(present: pa.ChunkedArray, days: Sequence[str]) -> dict[str, pa.ChunkedArray]:
    """Return by format of the day the dates as spreadsheets show them, for the formats that fit all."""
    fitting = {}
    present = pc.replace_substring_regex(present, _WITHOUT_SECONDS, r"\1:00\2")
    fraction_us = None
    if pc.any(pc.match_substring_regex(present, _FRACTION)).as_py():
        fractions = pc.struct_field(pc.extract_regex(present, r":\d\d:\d\d(?P<fraction>\.\d+)"), "fraction")
        fraction_us = pc.round(pc.multiply(pc.fill_null(fractions.cast(pa.float64()), 0.0), 1e6)).cast(pa.int64())
        present = pc.replace_substring_regex(present, _FRACTION, r"\1")
    for day in days:
        parsed = (pc.strptime(present, day + hour, "us", error_is_null=True) for hour in _HOURS)
        if (dates := next((dates for dates in parsed if dates.null_count == present.null_count), None)) is not None:
            fitting[day] = dates if fraction_us is None else pc.add(dates, fraction_us.cast(pa.duration("us")))
    return fitting


def _unambiguous(dates: dict[str, pa.ChunkedArray]) -> tuple[pa.ChunkedArray | None, str | None]:
    """Return the dates with their format, None for it if several formats give the same dates."""
    if not dates:
        return None, None
    (day, first), *others = dates.items()
    if any(not other.equals(first) for _, other in others):
        raise AmbiguousDatesError
    return first, None if others else day


def _first(present: pa.ChunkedArray) -> str:
    return next((value for chunk in present.chunks for value in chunk.drop_null()[:1].to_pylist()), "")


def _match(present: pa.ChunkedArray, pattern: str) -> bool:
    """Return whether all values match, of which there must be one; the first rows tell most columns that do not."""
    if pc.all(pc.match_substring_regex(present[:_FIRST_ROWS], pattern)).as_py() is False:
        return False
    return bool(pc.all(pc.match_substring_regex(present, pattern)).as_py())


def cast_or_none(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | None:
    """Return a column in another type, or None if a value does not fit it."""
    try:
        return column.cast(kind)
    except pa.ArrowInvalid:
        return None
