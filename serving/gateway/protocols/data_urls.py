"""Data URLs, in which chat completions hold images and files."""

import base64
import binascii
import re
from dataclasses import dataclass

_data_url = re.compile(r"data:([\w.+-]+/[\w.+-]+)((?:;[\w=.-]+)*);base64,(.*)", re.DOTALL | re.IGNORECASE).fullmatch


@dataclass(frozen=True, slots=True)
class DataUrl:
    """The content of a data URL; `text` if its media type is one of text, in UTF-8."""

    media_type: str
    base64: str
    text: str | None


def split_data_url(url: str) -> DataUrl | None:
    """Return the content of a data URL in base64; None for any other URL."""
    match = _data_url(url)
    if match is None:
        return None
    media_type, _, data = match.groups()
    text = None
    if media_type.lower().startswith("text/"):
        try:
            text = base64.b64decode(data).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = None
    return DataUrl(media_type, data, text)
