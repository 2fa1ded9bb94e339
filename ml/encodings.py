"""The encoding of text files: by byte order mark, UTF-8, the declared encoding, or a guess.

Normalizing text does not belong here; it is in `ml.knowledge.normalization`.
"""

import codecs
import io
import re
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
_SIDE_BY_SIDE: Final = re.compile(rb"[\x80-\xff]{2}")
_SAMPLE_BYTES: Final = 65_536
_STRAY_SHARE: Final = 0.05  # of zero bytes; UTF-16 has one in every second byte of ASCII
_WIDE: Final = ("utf_16_le", "utf_16_be")


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of a file, as Python names it, and whether it is guessed from the letters that it gives."""

    name: str
    is_guessed: bool = False


@dataclass(frozen=True, slots=True)
class DecodedText:
    """The text of a file; `guessed` is its encoding if nothing but its bytes names it."""

    text: str
    guessed: str | None = None


def detect_encoding(data: bytes, declared: str | None = None) -> Encoding:
    """Return the encoding of a text file, in which its bytes may still be invalid if it is marked or guessed.

    Parameters
    ----------
    declared : encoding that the file itself names; UTF-8 comes first, because files that were converted keep their old declaration.

    Examples
    --------
    >>> detect_encoding("Zürich".encode()), detect_encoding("Москва и Новосибирск".encode("cp1251"))
    (Encoding(name='utf-8', is_guessed=False), Encoding(name='cp1251', is_guessed=True))
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Encoding(encoding)
    if data.count(b"\0") > len(data) * _STRAY_SHARE or (b"\0" in data and not _is_utf8(data)):
        return Encoding(_guess(data, _WIDE), is_guessed=True)
    for encoding in _named_encodings(data, declared):
        try:
            data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        return Encoding(encoding)
    sample = _lines_beyond_ascii(data)
    # Letters of other scripts stand side by side; a single degree or euro sign tells nothing.
    is_script = _SIDE_BY_SIDE.search(sample) is not None
    return Encoding(_guess(sample, _GUESSED) if is_script else _WESTERN, is_guessed=True)


def decode_text(data: bytes, declared: str | None = None) -> DecodedText:
    """Decode a text file, its line ends as line feeds; no content makes it fail.

    Parameters
    ----------
    declared : encoding that the file itself names.
    """
    encoding = detect_encoding(data, declared)
    name = encoding.name
    try:
        text = data.decode(name, errors="strict" if encoding.is_guessed else "replace")
    except UnicodeDecodeError:  # five bytes have no character in Windows-1252
        name = "latin-1"
        text = data.decode(name)
    return DecodedText(text.replace("\r\n", "\n").replace("\r", "\n"), name if encoding.is_guessed else None)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _named_encodings(data: bytes, declared: str | None) -> tuple[str, ...]:
    named = () if declared is None or declared.lower().startswith("utf-16") else (_as_browsers_read(declared),)
    # ISO-2022-JP and its like are ASCII bytes.
    return (*named, "utf-8") if data.isascii() else ("utf-8", *named)


def _as_browsers_read(declared: str) -> str:
    """Return Windows-1252 for ISO 8859-1 and ASCII, of which it is a superset, as the encoding standard of the web does."""
    return _WESTERN if declared.lower() in ("iso-8859-1", "latin-1", "latin1", "ascii", "us-ascii") else declared


def _lines_beyond_ascii(data: bytes) -> bytes:
    """Return the lines from which a long file's encoding can be guessed: most lines of a table are ASCII."""
    if len(data) <= _SAMPLE_BYTES:
        return data
    sample, size = [], 0
    for line in io.BytesIO(data):
        if not line.isascii():
            sample.append(line)
            size += len(line)
        if size > _SAMPLE_BYTES:
            break
    return b"".join(sample)


def _guess(data: bytes, encodings: tuple[str, ...]) -> str:
    from charset_normalizer import from_bytes

    matches = list(from_bytes(data, cp_isolation=list(encodings)))
    least = min((match.chaos for match in matches), default=0.0)
    best = [match.encoding for match in matches if match.chaos == least]
    return best[0] if best and _WESTERN not in best else _WESTERN
