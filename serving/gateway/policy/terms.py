"""Denied terms as patterns over a shadow: whole words, any white space between them, short ones also spelled with separators."""

import re
from collections.abc import Sequence
from functools import reduce

from serving.gateway.policy.shadow import shadow_of

_SPELLED_MOST = 6  # letters of an abbreviation that is also looked for as S.S.N or s-s-n
_SEPARATOR = r"[ ._·-]"
_SPACE = r"\s{1,8}"


def terms_pattern(terms: Sequence[str]) -> re.Pattern[str]:
    """A pattern that finds the terms; longer ones first."""
    ways = sorted((way for term in terms for way in _ways(term)), key=len, reverse=True)
    spelled = "|".join("".join(way) for way in ways)
    return re.compile(rf"(?<![^\W_])(?:{spelled})(?![^\W_])")


def terms_tail(terms: Sequence[str]) -> list[str]:
    """Patterns of what could become a term where a text ends: every beginning of it."""
    return [reduce(lambda rest, atom: f"{atom}(?:{rest})?", reversed(way), "") for term in terms for way in _ways(term)]


def _ways(term: str) -> list[list[str]]:
    """The ways in which a term is written, each as a sequence of atoms of a pattern."""
    words = shadow_of(term).text.split()
    plain = [atom for place, word in enumerate(words) for atom in ([_SPACE] if place else []) + [*map(re.escape, word)]]
    if len(words) == 1 and term.isupper() and term.isalpha() and 1 < len(term) <= _SPELLED_MOST:
        letters = [atom for place, letter in enumerate(words[0]) for atom in ([_SEPARATOR] if place else []) + [letter]]
        return [plain, letters]
    return [plain]
