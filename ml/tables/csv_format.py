"""The encoding and the delimiter of a CSV file.

Parsing records does not belong here, PyArrow does it; neither do the types of columns, which are in `columns.py`.
"""

import csv
import io
import re

from ml.encodings import detect_encoding

# A comma also separates decimals and words: where several delimiters fit all records, it is none.
DELIMITERS = ("\t", "|", ";", ",")
_DECLARED = re.compile(rb"""["']?sep=([,;|\t])["']?(?:\r\n?|\n)""", re.IGNORECASE)
_BACKSLASH_QUOTE = re.compile(rb"""\\"(?=[^,;|\t\r\n"])""")
_DECIMAL_COMMAS = re.compile(r"[^,;|\t\r\n]+[\r\n]+(?=[^,]*,)(?:[+-]?\d+(?:,\d+)?[\r\n]+)+")
_FIELDS = re.compile(r"Expected (\d+) columns, got (\d+): (.*)", re.DOTALL)
_SAMPLE_CHARACTERS = 65_536
_OTHER_FORMATS = (
    (re.compile(rb"PAR1"), "is a Parquet file; let its name end with .parquet"),
    (re.compile(rb"PK\x03\x04"), "is an Excel or ZIP file; save it as CSV"),
    (re.compile(rb"\s*(?i:<!doctype html|<html)"), "is an HTML page; save the table as CSV"),
    (re.compile(rb'\s*\[?\s*\{\s*"'), "holds JSON; save it as CSV or Parquet"),
)
# Of sqlcmd and psql: dashes below the names, and the number of rows at the end; DOS ends a file with Ctrl-Z.
_DASHES = re.compile(rb"([^\r\n]*\r?\n)(?:-[,;|\t ])*--+(?:[,;|\t ]-+)*\r?\n")
_ROW_COUNT = re.compile(rb"\s*\(\d+ rows?(?: affected)?\)\s*\Z")
_TAIL_BYTES = 100
_QUOTED_NAMES = re.compile(r'"[^"\r\n]*"(?: "[^"\r\n]*")+\r?\n')


def as_utf8(content: bytes) -> tuple[bytes, str | None]:
    """Return text as UTF-8 without a byte order mark, and the name of its encoding if that is guessed.

    Raises
    ------
    ValueError
        If the text is not in the encoding of its byte order mark, UTF-8 or the guessed one.

    Examples
    --------
    >>> [as_utf8("Zürich".encode(encoding))[0].decode() for encoding in ("utf-8", "cp1252", "utf-16")]
    ['Zürich', 'Zürich', 'Zürich']
    """
    encoding = detect_encoding(content)
    if (encoding.is_guessed or encoding.name == "utf-8") and b"\0" in content:
        raise ValueError(
            "it holds zero bytes, like UTF-16 without a byte order mark or a binary file; save it as UTF-8"
        )
    if encoding.name == "utf-8":
        return content, None
    try:
        text = content.decode(encoding.name)
    except UnicodeDecodeError as error:
        tried = f"UTF-8 or {encoding.name}" if encoding.is_guessed else encoding.name.upper()
        raise ValueError(f"its encoding is not {tried}; save it as UTF-8") from error
    return text.encode("utf-8"), encoding.name if encoding.is_guessed else None


def other_format(content: bytes) -> str | None:
    r"""Return what a file is if it is no text in columns, with the cure.

    Examples
    --------
    >>> other_format(b'{"x": 1}\n{"x": 2}\n'), other_format(b"x\n1\n")
    ('holds JSON; save it as CSV or Parquet', None)
    """
    return next((reason for pattern, reason in _OTHER_FORMATS if pattern.match(content)), None)


def without_report(content: bytes) -> bytes:
    r"""Return the content without what tools of databases print around a table.

    Examples
    --------
    >>> without_report(b"Id,Amount\r\n--,------\r\n1,2.5\r\n\r\n(1 rows affected)\r\n")
    b'Id,Amount\r\n1,2.5'
    """
    content = content.removesuffix(b"\x1a")
    if dashes := _DASHES.match(content):
        content = dashes[1] + content[dashes.end() :]
    count = _ROW_COUNT.search(content[-_TAIL_BYTES:])
    return content[: len(content) - len(content[-_TAIL_BYTES:]) + count.start()] if count else content


def split_declared_delimiter(content: bytes) -> tuple[str | None, bytes]:
    r"""Return the delimiter that Excel's first line `sep=` declares, None without such a line, and the content after it.

    Examples
    --------
    >>> split_declared_delimiter(b"sep=;\r\nx;y\r\n"), split_declared_delimiter(b"x;y\n")
    ((';', b'x;y\r\n'), (None, b'x;y\n'))
    """
    declared = _DECLARED.match(content)
    return (declared[1].decode(), content[declared.end() :]) if declared else (None, content)


def double_quotes(content: bytes) -> bytes:
    r"""Return the content with quotes within values doubled, which Spark and MySQL write with a backslash.

    A backslash before the quote at the end of a value belongs to the value.

    Examples
    --------
    >>> double_quotes(b'"5\\" pipe",1'), double_quotes(b'"dir\\",1') == b'"dir\\",1'
    (b'"5"" pipe",1', True)
    """
    return content.replace(b'\\"', b'""') if _BACKSLASH_QUOTE.search(content) else content


def describe_fault(reason: str) -> str:
    """Return the reason why PyArrow refuses the records of a CSV file, with the cure."""
    fields = _FIELDS.search(reason)
    if fields is None:
        return reason
    header, width, record = int(fields[1]), int(fields[2]), " ".join(fields[3].split())[:200]
    cure = (
        "put the names of all columns, also of row names, into the first line, and quote values that contain the delimiter"
        if width > header
        else "fill its fields, or close its quotes"
    )
    return f"the first line has fields: {header}, but a record has {width}: {record}; {cure}"


def delimiter_of(content: bytes) -> str:
    r"""Return the delimiter with which most records have as many fields as the header.

    With one column it is a comma, or a semicolon if the column has decimal commas. R separates quoted names by spaces.

    Examples
    --------
    >>> delimiter_of(b"x;y\n1,5;2,5\n"), delimiter_of(b"x\n1\n")
    (';', ',')
    >>> delimiter_of(b"x\n1,5\n")
    ';'
    """
    sample = content[: _SAMPLE_CHARACTERS * 4].decode("utf-8", errors="ignore")
    is_whole = len(sample) <= _SAMPLE_CHARACTERS and len(content) <= _SAMPLE_CHARACTERS * 4
    scores = {delimiter: _score(sample[:_SAMPLE_CHARACTERS], delimiter, is_whole=is_whole) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])  # the first of equals
    if scores[best] > (0.0, 0):
        return best
    if _QUOTED_NAMES.match(sample):
        return " "
    return ";" if _has_decimal_commas(sample, is_whole=is_whole) else ","


def _has_decimal_commas(sample: str, *, is_whole: bool) -> bool:
    lines = sample.splitlines(keepends=True)
    whole = lines if is_whole else lines[:-1]
    return _DECIMAL_COMMAS.fullmatch("".join(whole).rstrip("\r\n") + "\n") is not None


def _score(sample: str, delimiter: str, *, is_whole: bool) -> tuple[float, int]:
    try:
        records = [record for record in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if record]
    except csv.Error:  # a field beyond the limit of the module: the quotes do not fit this delimiter
        return 0.0, 0
    if not is_whole and len(records) > 1:
        records.pop()  # cut off
    width = len(records[0]) if records else 0
    if width < 2:
        return 0.0, 0
    return sum(len(record) == width for record in records) / len(records), width
