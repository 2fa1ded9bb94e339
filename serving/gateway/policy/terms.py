"""Denied terms as patterns for a normal text: whole words, any white space between them, abbreviations also with separators."""

import re
from collections.abc import Sequence
from functools import reduce

from serving.gateway.policy.normal_text import normal_text_of

_MAX_ABBREVIATION = 6  # letters of an abbreviation that also matches as S.S.N or s-s-n
_SEPARATOR = r"[\s._·/|-]"
_SPACE = r"(?:[\s_/*`~-]|\.(?!\s)){1,8}"  # a full stop before white space ends a sentence


def terms_pattern(terms: Sequence[str]) -> re.Pattern[str]:
    """Return a pattern that matches the terms, longer ones first."""
    spellings = sorted((spelling for term in terms for spelling in _spellings(term)), key=len, reverse=True)
    alternatives = "|".join("".join(spelling) for spelling in spellings)
    return re.compile(rf"(?<![^\W_])(?:{alternatives})(?![^\W_])")


def terms_tail(terms: Sequence[str]) -> list[str]:
    """Return patterns for text at the end that could become a term: every prefix of each."""
    return [
        reduce(lambda rest, atom: f"{atom}(?:{rest})?", reversed(spelling), "")
        for term in terms
        for spelling in _spellings(term)
    ]


def _spellings(term: str) -> list[list[str]]:
    """Return the spellings of a term, each as a sequence of pattern atoms."""
    words = normal_text_of(term).text.split()
    plain = [atom for place, word in enumerate(words) for atom in ([_SPACE] if place else []) + [*map(re.escape, word)]]
    if len(words) == 1 and term.isupper() and term.isalpha() and 1 < len(term) <= _MAX_ABBREVIATION:
        letters = [atom for place, letter in enumerate(words[0]) for atom in ([_SEPARATOR] if place else []) + [letter]]
        return [plain, letters]
    return [plain]
