"""The texts in the JSON of a request or response: every string that people or models write, at any depth, including keys.

Two kinds of strings are not checked: words of the protocol, and encoded data that is not text.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Callable
from math import inf
from typing import Any, Final

from serving.gateway.chat.vocabulary import ENUM_FIELDS, ENUM_VALUES, FIELD_NAMES

Check = Callable[[str], str]

_MEDIA: Final = {
    "image_url": "image", "b64_json": "image", "input_audio": "audio", "audio": "audio", "audio_url": "audio",
    "video_url": "video", "file": "file", "file_data": "file", "file_id": "file", "file_url": "file",
}  # fmt: skip
"""Kind of media by the field that holds it."""
_MEDIA_OF_TYPES: Final = {"image": "image", "document": "file"}
"""Kind of media in the field `source`, by the type of its block, as in Anthropic's Messages."""
_URLS: Final = frozenset({"url", "image_url", "audio_url", "video_url", "file_url"})
_REFERENCES: Final = _URLS | {"id", "file_id"}
"""Fields of a media part whose value names content that is elsewhere."""
ENCODED_FIELDS: Final = _URLS | frozenset(
    {"data", "file_data", "b64_json", "signature", "thought_signature", "encrypted_content", "embedding"}
)
"""Fields that may hold encoded bytes."""
REASONING_FIELDS: Final = frozenset({"reasoning", "reasoning_content", "reasoning_details"})
"""Fields that hold the same reasoning, of which some servers send several."""
_MIN_ENCODED: Final = 64  # characters: shorter values are checked as text
_data_url = re.compile(
    r"(data:([\w.+-]+/[\w.+-]+)?((?:;[\w=.\"+ -]+)*);base64,)([A-Za-z0-9+/_=\s-]*)", re.IGNORECASE
).fullmatch
_charset = re.compile(r"charset=\"?([\w.-]{1,40})", re.IGNORECASE).search
_digits_in_groups = re.compile(r"[0-9](?:[/+_-]?[0-9]){8}").search
_has_control = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x9f]").search
_URL_SAFE: Final = str.maketrans("-_", "+/")
_FILE_FIELDS: Final = frozenset({"file_data"})
_SAMPLE: Final = 1024  # bytes at the start of a file that show its charset
_base64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}").fullmatch
_NUMERIC_FIELDS: Final = frozenset({"seed", "created", "created_at", "expires_at", "index", "bytes"})
_MIN_PERSONAL_NUMBER: Final = 10**8  # shorter numbers identify no one


def rewrite(value: Any, check: Check, name: str = "") -> Any:
    """Return a value with each text in it replaced by the result of `check`, and each number that `check` changes by a text.

    Parameters
    ----------
    name : key of the value.
    """
    return TextRewriter(check).rewrite(value, name)


class TextRewriter:
    """Replaces the texts of a value, and counts the parts that it cannot read.

    Parameters
    ----------
    checks_numbers : False for schemas, in which a text in place of a number is an error.

    Attributes
    ----------
    unread : number of parts by kind: encoded content that is not text, and media that the value only refers to.
    """

    def __init__(self, check: Check, *, checks_numbers: bool = True) -> None:
        self._check = check
        self._checks_numbers = checks_numbers
        self.unread: dict[str, int] = {}

    def rewrite(self, value: Any, name: str = "", media: str = "") -> Any:
        """Return a value with each text replaced.

        Parameters
        ----------
        name : key of the value.
        media : kind of the media part that the value belongs to; empty outside of one.
        """
        if isinstance(value, str):
            return self._rewrite_text(value, name, media)
        if isinstance(value, list):
            return [self.rewrite(item, name, media) for item in value]
        if isinstance(value, dict):
            return self._rewrite_fields(value, media)
        if self._checks_numbers and isinstance(value, int | float) and _MIN_PERSONAL_NUMBER <= abs(value) < inf:
            return self._rewrite_number(value, name)
        return value

    def _rewrite_number(self, value: float, name: str) -> float | str:
        """Check the digits before the point, without the sign: neither tells a card number from another."""
        digits = str(abs(int(value)))
        checked = digits if name in _NUMERIC_FIELDS else self._check(digits)
        return value if checked == digits else checked

    def _rewrite_fields(self, fields: dict[str, Any], media: str) -> dict[str, Any]:
        checked = {
            key if key in FIELD_NAMES else self._check(key): self.rewrite(
                item, key, _source_media(fields, media) if key == "source" else _MEDIA.get(key, media)
            )
            for key, item in fields.items()
        }
        if checked.get("transcript") != fields.get("transcript") and "data" in checked:
            checked["data"] = ""  # the audio still contains what was redacted from the transcript
        return checked

    def _rewrite_text(self, value: str, name: str, media: str) -> str:
        if name in ENUM_FIELDS and value in ENUM_VALUES:
            return value
        encoded = _data_url(value) if value[:5].lower() == "data:" else None
        if encoded is not None:
            return self._rewrite_encoded(value, encoded)
        if name in ENCODED_FIELDS and name not in _URLS:
            text = _decode_text(value, "") if name in _FILE_FIELDS else None
            if text is not None:
                return self._rewrite_decoded(value, "", *text)
            if len(value) >= _MIN_ENCODED and _base64(value):
                self._count_unread(media or "data")
                if not _digits_in_groups(value):
                    return value
        if media and name in _REFERENCES:
            self._count_unread(media)
        return self._check(value)

    def _rewrite_encoded(self, value: str, encoded: re.Match[str]) -> str:
        """Check the decoded content of a data URL if it is text."""
        head, media_type, parameters, data = encoded.groups()
        media_type = (media_type or "text/plain").lower()
        text = _decode_text(data, parameters) if _is_text(media_type) else None
        if text is None:
            kind = media_type.partition("/")[0]
            self._count_unread(kind if kind in _MEDIA.values() else "file")
            return value
        return self._rewrite_decoded(value, head, *text)

    def _rewrite_decoded(self, value: str, head: str, text: str, charset: str) -> str:
        checked = self._check(text)
        return value if checked == text else head + base64.b64encode(checked.encode(charset, "replace")).decode()

    def _count_unread(self, kind: str) -> None:
        self.unread[kind] = self.unread.get(kind, 0) + 1


def _source_media(block: dict[str, Any], media: str) -> str:
    kind = block.get("type")
    return _MEDIA_OF_TYPES.get(kind, media) if isinstance(kind, str) else media


def _decode_text(data: str, parameters: str) -> tuple[str, str] | None:
    """Return the text of base64 and its charset: the given one, else one in which it is readable; None if there is none."""
    try:
        content = base64.b64decode("".join(data.split()).translate(_URL_SAFE), validate=True)
    except binascii.Error:
        return None
    given = _charset(parameters)
    for charset in (*((given[1],) if given else ()), *_guess_charsets(content)):
        try:
            text = content.decode(charset)
        except (LookupError, UnicodeDecodeError):
            continue
        if text.isprintable() or not _has_control(text):
            return text, charset
    return None


def _guess_charsets(content: bytes) -> tuple[str, ...]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    if b"\0" in content[:_SAMPLE]:
        return ("utf-16-le", "utf-16-be") if content[1:2] == b"\0" else ("utf-16-be", "utf-16-le")
    return ("utf-8", "latin-1")


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type.endswith(("json", "xml", "yaml"))


def count_bytes(value: Any, name: str = "") -> int:
    """Count the UTF-8 bytes of all texts, with 4 bytes for each number (a token id), to estimate tokens.

    Encoded bytes, such as audio and images, are not text, unless they are those of a text file. Reasoning that a message
    holds in several fields is counted once.

    Parameters
    ----------
    name : key of the value.
    """
    if isinstance(value, str):
        return _count_text(value, name)
    total = 0  # by loops: generators would take twice as long
    if isinstance(value, list):
        for item in value:
            total += count_bytes(item, name)
    elif isinstance(value, dict):
        for key, item in value.items():
            total += count_bytes(item, key)
        if not REASONING_FIELDS.isdisjoint(value):
            copies = [count_bytes(value[key], key) for key in REASONING_FIELDS & value.keys()]
            total += max(copies) - sum(copies)
    elif isinstance(value, int):
        total = 4
    return total


def _count_text(value: str, name: str) -> int:
    if name in ENCODED_FIELDS and len(value) >= _MIN_ENCODED:
        encoded = _data_url(value)
        if encoded is not None:
            return len(encoded[4]) * 3 // 4 if _is_text((encoded[2] or "text/plain").lower()) else 0
        if _base64(value):
            return 0
    return 0 if name in _URLS else len(value.encode(errors="surrogatepass"))


def has_token_ids(value: Any) -> bool:
    """Return whether an embeddings request has token ids as input, which the policy cannot read."""
    return isinstance(value, list) and any(isinstance(item, int | list) for item in value)
