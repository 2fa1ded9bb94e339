"""Whether a quote stands in its source: letter by letter, white space made uniform, whole words. No likeness counts."""

import re

_quoted = re.compile(r'"([^"“”]+)"|“([^"“”]+)”|«([^«»]+)»|„([^"“”„]+)[“”]')
_MARKS = ".,;:!?… "


def uniform(text: str) -> str:
    """The text with single spaces for all white space."""
    return " ".join(text.split())


def standing(quote: str, source: str) -> str | None:
    """The quote as it stands in a source; None where it does not.

    A mark of punctuation that only closes the sentence around the quote is not part of it.

    >>> standing("keep  logs,", "You may keep logs for a year.")
    'keep logs'
    >>> standing("keep log", "You may keep logs for a year.") is None
    True
    """
    text = uniform(source)
    whole = uniform(quote)
    for candidate in dict.fromkeys((whole, whole.rstrip(_MARKS))):
        if candidate and re.search(rf"(?<!\w){re.escape(candidate)}(?!\w)", text):
            return candidate
    return None


def quotes_in(text: str) -> list[str]:
    """What a text has in double quotes, in its order."""
    return ["".join(groups) for groups in _quoted.findall(text)]


def is_open(text: str) -> bool:
    """Whether a double quote of a text has not been closed yet."""
    rest = _quoted.sub("", text)
    return any(mark in rest for mark in '"“„«')
