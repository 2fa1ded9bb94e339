"""The encoding and the delimiter of a CSV file.

Parsing records does not belong here, PyArrow does it; neither do the types of columns, which are in `columns.py`.
"""

import codecs
import csv
import io

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_CHARACTERS = 65_536
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def as_utf8(content: bytes) -> bytes:
    """Return text as UTF-8 without a byte order mark.

    The encoding is that of the byte order mark, else UTF-8, else Windows-1252, which contains the printable part of Latin-1.

    Raises
    ------
    ValueError
        If the text is in none of them; the message names them.

    Examples
    --------
    >>> as_utf8("Zürich".encode("cp1252")).decode(), as_utf8("Zürich".encode("utf-16")).decode()
    ('Zürich', 'Zürich')
    """
    marked = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    if marked is None and b"\0" in content:
        raise ValueError(
            "it holds zero bytes, like UTF-16 without a byte order mark or a binary file; save it as UTF-8"
        )
    for encoding in [marked] if marked else ["utf-8", "cp1252"]:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return content if encoding == "utf-8" else text.encode("utf-8")
    tried = marked.upper() if marked else "UTF-8, UTF-16 or Windows-1252"
    raise ValueError(f"its encoding is not {tried}; save it as UTF-8")


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
