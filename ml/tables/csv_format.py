"""The encoding and the delimiter of a CSV file.

Parsing records does not belong here, PyArrow does it; neither do the types of columns, which are in `columns.py`.
"""

import csv
import io
import re

from ml.encodings import detect_encoding

# A comma also separates decimals and words: where several delimiters fit all records, it is none.
DELIMITERS = ("\t", "|", ";", ",")
_DECLARED = re.compile(rb"""["']?sep=([,;|\t])["']?\r?\n""", re.IGNORECASE)
_SAMPLE_CHARACTERS = 65_536


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
    if encoding.is_guessed and b"\0" in content:
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


def split_declared_delimiter(content: bytes) -> tuple[str | None, bytes]:
    r"""Return the delimiter that Excel's first line `sep=` declares, None without such a line, and the content after it.

    Examples
    --------
    >>> split_declared_delimiter(b"sep=;\r\nx;y\r\n"), split_declared_delimiter(b"x;y\n")
    ((';', b'x;y\r\n'), (None, b'x;y\n'))
    """
    declared = _DECLARED.match(content)
    return (declared[1].decode(), content[declared.end() :]) if declared else (None, content)


def delimiter_of(content: bytes) -> str:
    r"""Return the delimiter with which most records have as many fields as the header; a comma if there is one column.

    Examples
    --------
    >>> delimiter_of(b"x;y\n1,5;2,5\n"), delimiter_of(b"x\n1\n")
    (';', ',')
    """
    sample = content[: _SAMPLE_CHARACTERS * 4].decode("utf-8", errors="ignore")
    is_whole = len(sample) <= _SAMPLE_CHARACTERS and len(content) <= _SAMPLE_CHARACTERS * 4
    scores = {delimiter: _score(sample[:_SAMPLE_CHARACTERS], delimiter, is_whole=is_whole) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])  # the first of equals
    return best if scores[best] > (0.0, 0) else ","


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
