"""Suggestions for names with a typo or in another case, as error messages end with."""

from collections.abc import Iterable
from difflib import get_close_matches

_LEAST_SIMILARITY = 0.6


def find_similar(name: str, names: Iterable[str], least: float = _LEAST_SIMILARITY) -> str | None:
    """Return the name that is most similar to a misspelt one, whatever the case; None if none is similar.

    >>> find_similar("Flight", ["flights", "shop"]), find_similar("taxi", ["flights", "shop"])
    ('flights', None)
    """
    by_key = {candidate.casefold(): candidate for candidate in names}
    similar = get_close_matches(name.casefold(), by_key, n=1, cutoff=least)
    return by_key[similar[0]] if similar else None


def suggest(name: str, names: Iterable[str]) -> str:
    """Return the question that ends an error message about an unknown name, with a space before it; empty if no name is similar.

    >>> suggest("flight", ["flights", "shop"])
    " Did you mean 'flights'?"
    """
    similar = find_similar(name, names)
    return "" if similar is None else f" Did you mean {similar!r}?"
