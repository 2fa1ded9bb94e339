"""The texts in the JSON of a request or response: every string that people or models write, at any depth, including keys.

Two kinds of strings are not checked: words of the protocol, and encoded data that is not text.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, Final

from serving.gateway.chat.protocol import ENUM_FIELDS, ENUM_VALUES, FIELD_NAMES

Check = Callable[[str], str]

ENCODED_FIELDS: Final = frozenset(
    {"url", "data", "file_data", "b64_json", "signature", "encrypted_content", "embedding"}
)
"""Fields that may hold encoded bytes."""
_MIN_ENCODED: Final = 64  # characters: shorter values are checked as text
_data_url = re.compile(r"(data:([\w.+-]+/[\w.+-]+)(?:;[\w=.-]+)*;base64,)([A-Za-z0-9+/_=-]*)").fullmatch
_base64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}").fullmatch
_NUMERIC_FIELDS: Final = frozenset({"seed", "created", "created_at", "expires_at", "index", "bytes"})
_MIN_PERSONAL_NUMBER: Final = 10**8  # shorter numbers identify no one


def rewrite(value: Any, check: Check, name: str = "", *, checks_numbers: bool = True) -> Any:
    """Return a value with each text in it replaced by the result of `check`, and each number that `check` changes by a text.

    Parameters
    ----------
    name : key of the value.
    checks_numbers : False for schemas, in which a text in place of a number is an error.
    """
    if isinstance(value, str):
        return rewrite_text(value, check, name)
    if isinstance(value, list):
        return [rewrite(item, check, name, checks_numbers=checks_numbers) for item in value]
    if isinstance(value, dict):
        checked = {
            key if key in FIELD_NAMES else check(key): rewrite(item, check, key, checks_numbers=checks_numbers)
            for key, item in value.items()
        }
        if checked.get("transcript") != value.get("transcript") and "data" in checked:
            checked["data"] = ""  # the audio still contains what was redacted from the transcript
        return checked
    if checks_numbers and isinstance(value, int) and value >= _MIN_PERSONAL_NUMBER and name not in _NUMERIC_FIELDS:
        digits = str(value)
        checked_number = check(digits)
        return value if checked_number == digits else checked_number
    return value


def rewrite_text(value: str, check: Check, name: str) -> str:
    """Return a text after `check`, unless it is a word of the protocol or encoded data."""
    if name in ENUM_FIELDS and value in ENUM_VALUES:
        return value
    if name in ENCODED_FIELDS and len(value) >= _MIN_ENCODED:
        encoded = _data_url(value)
        if encoded is not None:
            return _rewrite_encoded(value, encoded, check)
        if name != "url" and _base64(value):
            return value
    return check(value)


def _rewrite_encoded(value: str, encoded: re.Match[str], check: Check) -> str:
    """Check the decoded content of a data URL if it is text."""
    head, kind, data = encoded.groups()
    if not _is_text(kind):
        return value
    try:
        text = base64.b64decode(data).decode()
    except (binascii.Error, UnicodeDecodeError):
        return value
    checked = check(text)
    return value if checked == text else head + base64.b64encode(checked.encode()).decode()


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type.endswith(("json", "xml", "yaml"))


def count_bytes(value: Any, name: str = "") -> int:
    """Count the UTF-8 bytes of all texts, with 4 bytes for each number (a token id), to estimate tokens.

    Encoded bytes, such as audio and images, are not text, unless they are those of a text file.

    Parameters
    ----------
    name : key of the value.
    """
    if isinstance(value, str):
        return _count_text(value, name)
    if isinstance(value, list):
        return sum(count_bytes(item, name) for item in value)
    if isinstance(value, dict):
        return sum(count_bytes(item, key) for key, item in value.items())
    return 4 if isinstance(value, int) else 0


def _count_text(value: str, name: str) -> int:
    if name in ENCODED_FIELDS and len(value) >= _MIN_ENCODED:
        encoded = _data_url(value)
        if encoded is not None:
            return len(encoded[3]) * 3 // 4 if _is_text(encoded[2]) else 0
        if _base64(value):
            return 0
    return 0 if name == "url" else len(value.encode(errors="surrogatepass"))


def has_token_ids(value: Any) -> bool:
    """Return whether an embeddings request has token ids as input, which the policy cannot read."""
    return isinstance(value, list) and any(isinstance(item, int | list) for item in value)
