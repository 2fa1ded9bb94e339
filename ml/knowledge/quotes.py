"""Verbatim quotes: equal letter by letter, as whole words, after white space is normalized.

Fuzzy matching does not belong here; shares of common words are in `stems.py`.
"""

import re

_quoted = re.compile(r'"([^"“”]+)"|“([^"“”]+)”|«([^«»]+)»|„([^"“”„]+)[“”]')
_MARKS = ".,;:!?… "


def normalize_whitespace(text: str) -> str:
    """Replace each run of white space by a single space, and strip the ends."""
    return " ".join(text.split())


def find_quote(quote: str, source: str) -> str | None:
    """Return a quote as the source has it, or None if the source does not contain it.

    Trailing punctuation is ignored if the source does not have it: it may end the sentence around the quote.

    >>> find_quote("keep  logs,", "You may keep logs for a year.")
    'keep logs'
    >>> find_quote("keep log", "You may keep logs for a year.") is None
    True
    """
    text = normalize_whitespace(source)
    whole = normalize_whitespace(quote)
    for candidate in dict.fromkeys((whole, whole.rstrip(_MARKS))):
        if candidate and re.search(rf"(?<!\w){re.escape(candidate)}(?!\w)", text):
            return candidate
    return None


def quotes_in(text: str) -> list[str]:
    """Return the parts of a text in double quotes, in order."""
    return ["".join(groups) for groups in _quoted.findall(text)]


def is_open(text: str) -> bool:
    """Return whether a double quote of a text is not closed."""
    rest = _quoted.sub("", text)
    return any(mark in rest for mark in '"“„«')
