"""Bytes of text files as text: by byte order mark, UTF-8, the declared encoding, or a guess.

Normalizing text does not belong here; it is in `normalization.py`.
"""

import codecs
from dataclasses import dataclass
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN: Final = "cp1252"
# Encodings whose letters do not look like those of Windows-1252: its Central European relatives differ in too few.
_GUESSED: Final = (
    _WESTERN,
    "cp1251",
    "koi8_r",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "cp949",
)
_WIDE: Final = ("utf_16_le", "utf_16_be")


@dataclass(frozen=True, slots=True)
class DecodedText:
    """The text of a file; `guessed` is its encoding if nothing but its bytes names it."""

    text: str
    guessed: str | None = None


def decode_text(data: bytes, declared: str | None = None) -> DecodedText:
    """Decode a text file, its line ends as line feeds; no content makes it fail.

    Parameters
    ----------
    declared : encoding that the file itself names; UTF-8 comes first, because files that were converted keep their old declaration.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return DecodedText(_with_line_feeds(data.decode(encoding, errors="replace")))
    if b"\0" in data:
        return _decode_guessed(data, _WIDE)
    for encoding in _named_encodings(data, declared):
        try:
            return DecodedText(_with_line_feeds(data.decode(encoding)))
        except (UnicodeDecodeError, LookupError):
            continue
    return _decode_guessed(data, _GUESSED)


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _named_encodings(data: bytes, declared: str | None) -> tuple[str, ...]:
    named = () if declared is None or declared.lower().startswith("utf-16") else (_as_browsers_read(declared),)
    # ISO-2022-JP and its like are ASCII bytes.
    return (*named, "utf-8") if data.isascii() else ("utf-8", *named)


def _as_browsers_read(declared: str) -> str:
    """Return Windows-1252 for ISO 8859-1 and ASCII, of which it is a superset, as the encoding standard of the web does."""
    return _WESTERN if declared.lower() in ("iso-8859-1", "latin-1", "latin1", "ascii", "us-ascii") else declared


def _decode_guessed(data: bytes, encodings: tuple[str, ...]) -> DecodedText:
    from charset_normalizer import from_bytes

    matches = list(from_bytes(data, cp_isolation=list(encodings)))
    least = min((match.chaos for match in matches), default=0.0)
    best = [match.encoding for match in matches if match.chaos == least]
    encoding = best[0] if best and _WESTERN not in best else _WESTERN
    try:
        return DecodedText(_with_line_feeds(data.decode(encoding)), encoding)
    except UnicodeDecodeError:  # five bytes have no character in Windows-1252
        return DecodedText(_with_line_feeds(data.decode("latin-1")), "latin-1")
