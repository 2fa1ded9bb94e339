"""The texts in a request's or an answer's JSON: every string that people or models write, wherever it stands, names included.

What is not judged is named here: words of the protocol, and what is encoded and no text.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, Final

from serving.gateway.chat.protocol import NAMES, WORDED, WORDS

Judge = Callable[[str], str]

_ENCODED: Final = frozenset({"url", "data", "file_data", "b64_json", "signature", "encrypted_content", "embedding"})
_ENCODED_LEAST: Final = 64  # bytes: shorter ones are read as text too
_data_url = re.compile(r"(data:([\w.+-]+/[\w.+-]+)(?:;[\w=.-]+)*;base64,)([A-Za-z0-9+/_=-]*)").fullmatch
_base64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}").fullmatch
_NUMBERED: Final = frozenset({"seed", "created", "created_at", "expires_at", "index", "bytes"})
_NUMBER_LEAST: Final = 10**8  # shorter numbers are nobody's


def rewrite(value: Any, judge: Judge, name: str = "") -> Any:
    """The value with what `judge` makes of each text in it.

    Parameters
    ----------
    name : under which it stands.
    """
    if isinstance(value, str):
        return rewrite_text(value, judge, name)
    if isinstance(value, list):
        return [rewrite(item, judge, name) for item in value]
    if isinstance(value, dict):
        judged = {key if key in NAMES else judge(key): rewrite(item, judge, key) for key, item in value.items()}
        if judged.get("transcript") != value.get("transcript") and "data" in judged:
            judged["data"] = ""  # what was taken out of the words is still to be heard
        return judged
    if isinstance(value, int) and value >= _NUMBER_LEAST and name not in _NUMBERED:
        said = str(value)
        judged_number = judge(said)
        return value if judged_number == said else judged_number
    return value


def rewrite_text(value: str, judge: Judge, name: str) -> str:
    """A text under a name, judged unless it is a word of the protocol or encoded."""
    if name in WORDED and value in WORDS:
        return value
    if name in _ENCODED and len(value) >= _ENCODED_LEAST:
        encoded = _data_url(value)
        if encoded is not None:
            return _rewrite_encoded(value, encoded, judge)
        if name != "url" and _base64(value):
            return value
    return judge(value)


def _rewrite_encoded(value: str, encoded: re.Match[str], judge: Judge) -> str:
    """A file that is text is judged as what it says."""
    head, kind, data = encoded.groups()
    if not kind.startswith("text/") and not kind.endswith(("json", "xml", "yaml")):
        return value
    try:
        said = base64.b64decode(data).decode()
    except (binascii.Error, UnicodeDecodeError):
        return value
    judged = judge(said)
    return value if judged == said else head + base64.b64encode(judged.encode()).decode()


def size(value: Any) -> int:
    """UTF-8 bytes of all texts, numbers of a list counted as a token each: for an estimate."""
    if isinstance(value, str):
        return len(value.encode(errors="surrogatepass"))
    if isinstance(value, list):
        return sum(map(size, value))
    if isinstance(value, dict):
        return sum(size(item) for name, item in value.items() if name != "url")
    return 4 if isinstance(value, int) else 0


def has_token_ids(value: Any) -> bool:
    """Whether an embeddings request has its text as numbers of tokens, which nobody here can read."""
    return isinstance(value, list) and any(isinstance(item, int | list) for item in value)
