"""Stems, names and numbers of English questions and passages, and the share of a question's stems in a passage.

What follows from a comparison does not belong here; it is in `answers.py` and `claims.py`.
"""

import re
from collections.abc import Iterable

from ml.knowledge.normalization import normalize_text

_words = re.compile(r"[A-Za-z0-9\u00c0-\u024f]+(?:[.'\u2019-][A-Za-z0-9\u00c0-\u024f]+)*")
_parts = re.compile(r"[.'\u2019-]")
_number = re.compile(r"\d+(?:[.,]\d+)*")
_quantity = re.compile(
    r"\b(?:how (?:long|fast|soon|often|old|many|much|large|high|quickly)|when|since|date|age|price|costs?|fines?|penalt\w+"
    r"|deadline|period|duration|minimum|maximum|highest|lowest)\b",
    re.IGNORECASE,
)
_counted = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|once|twice|half|double|hundred|thousand|million)\b",
    re.IGNORECASE,
)
_PREFIX = 5  # letters: shorter words share their first letters with others by chance
_ENDINGS = "ations ation ings ing ions ion ments ment ities ity ies ed es ly al s e y"  # the first match is removed
_STEM = 4
# Function words, and words that questions are phrased with.
_FUNCTION_WORDS = (
    "a about all also am an and another any anybody anyone anything are as at be been being both but by can could did"
    " difference do does doing done each every everything far for from get give gives given got had has have having he her"
    " here him his how i if in into is it its just know like long make makes many may me mean means might more most much"
    " must my need needs no not of on one ones only or other our own say says shall she should so some somebody someone"
    " something such tell than that the their them then there these they this those to too us use used uses very was we"
    " were what when where which who whom whose why will with would you your"
)
_endings = _ENDINGS.split()
_function_words = frozenset(_FUNCTION_WORDS.split())


def words_of(text: str) -> list[str]:
    """Return the words of a text in order; `Standard-IA`, `m5.large` and `don't` are one word each."""
    return _words.findall(normalize_text(text))


def stem(word: str) -> str:
    """Return a word in lower case without its ending, so that its forms compare equal.

    >>> stem("Deletion") == stem("deleted"), stem("policies") == stem("policy")
    (True, True)
    """
    lower = word.lower()
    for ending in ("'s", "\u2019s"):
        lower = lower.removesuffix(ending)
    for ending in _endings:
        if lower.endswith(ending) and len(lower) - len(ending) >= _STEM:
            return lower.removesuffix(ending)
    return lower.removesuffix("s") if len(lower) > _STEM - 1 else lower


def stems_of(text: str) -> set[str]:
    """Return the stems of all words, and of the parts of compounds."""
    stems: set[str] = set()
    for word in words_of(text):
        stems.add(stem(word))
        parts = _parts.split(word)
        if len(parts) > 1:
            stems.update(map(stem, parts))
    return stems


def content_stems(text: str) -> set[str]:
    """Return the stems of the content words of a text."""
    return {stem(word) for word in words_of(text) if word.lower() not in _function_words}


def names_in(question: str) -> set[str]:
    """Return the stems of names: capitalized words inside the sentence, acronyms, and words with digits.

    >>> sorted(names_in("Which AWS regions are in South America?"))
    ['america', 'aws', 'south']
    >>> names_in("What Is The Maximum Fine?")
    set()
    """
    words = words_of(question)
    function_words = [word for word in words[1:] if word.lower() in _function_words and word != "I"]
    if any(word[0].isupper() for word in function_words):  # title case: capitals do not mark names
        return {stem(word) for word in words if any(map(str.isdigit, word))}
    return {
        stem(word)
        for place, word in enumerate(words)
        if word.lower() not in _function_words
        and (any(map(str.isdigit, word)) or sum(map(str.isupper, word)) > 1 or (place > 0 and word[0].isupper()))
    }


def numbers_in(text: str) -> set[str]:
    """Return the numbers of a text, as they are written."""
    return set(_number.findall(text))


def asks_for_number(question: str) -> bool:
    """Return whether a question asks for a number, an amount or a date."""
    return _quantity.search(question) is not None


def has_number(text: str) -> bool:
    """Return whether a text contains a number, in digits or words."""
    return _counted.search(text) is not None


def covered_share(stems: Iterable[str], text_stems: set[str]) -> float:
    """Return the share of stems that a text covers; 1 if there are no stems.

    A stem is covered by an equal stem, or by one of which it is a prefix or the other way round (at least five letters): `europ` by
    `european`.
    """
    stems = list(stems)
    return sum(_is_covered(stem, text_stems) for stem in stems) / len(stems) if stems else 1.0


def _is_covered(stem: str, text_stems: set[str]) -> bool:
    if stem in text_stems:
        return True
    if len(stem) < _PREFIX:
        return False
    return any(other.startswith(stem) or (len(other) >= _PREFIX and stem.startswith(other)) for other in text_stems)
