"""Words of questions and passages, for comparing them: what is said by content words and names. English.

What follows from a comparison is `answers` and `claims`.
"""

import re
from collections.abc import Iterable

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
_PREFIX = 5  # letters: shorter words share their beginnings with others by chance
_ENDINGS = "ations ation ings ing ions ion ments ment ities ity ies ed es ly al s e y"  # the first that fits is cut
_STEM = 4
# Words of grammar, and those with which questions are put.
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
    """Words in their order; `Standard-IA`, `m5.large` and `don't` are one each."""
    return _words.findall(text)


def stem(word: str) -> str:
    """A word without its case and ending, so that its forms compare equal.

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
    """Stems of all words; of compounds their parts as well."""
    found: set[str] = set()
    for word in words_of(text):
        found.add(stem(word))
        parts = _parts.split(word)
        if len(parts) > 1:
            found.update(map(stem, parts))
    return found


def content_stems(text: str) -> set[str]:
    """Stems of the words that say what a text is about."""
    return {stem(word) for word in words_of(text) if word.lower() not in _function_words}


def names_in(question: str) -> set[str]:
    """Stems of the words that name something: capitals inside a sentence, acronyms, words with digits.

    >>> sorted(names_in("Which AWS regions are in South America?"))
    ['america', 'aws', 'south']
    >>> names_in("What Is The Maximum Fine?")
    set()
    """
    words = words_of(question)
    grammar = [word for word in words[1:] if word.lower() in _function_words and word != "I"]
    if any(word[0].isupper() for word in grammar):  # a title: capitals say nothing
        return {stem(word) for word in words if any(map(str.isdigit, word))}
    return {
        stem(word)
        for place, word in enumerate(words)
        if word.lower() not in _function_words
        and (any(map(str.isdigit, word)) or sum(map(str.isupper, word)) > 1 or (place > 0 and word[0].isupper()))
    }


def numbers_in(text: str) -> set[str]:
    """Numbers, as they are written."""
    return set(_number.findall(text))


def asks_for_number(question: str) -> bool:
    """Whether a question wants a number, an amount or a date."""
    return _quantity.search(question) is not None


def has_number(text: str) -> bool:
    """Whether a text has one, in digits or words."""
    return _counted.search(text) is not None


def share_found(wanted: Iterable[str], there: set[str]) -> float:
    """Share of stems that are there, or begin as one that is: `europ` is found where `european` is; 1 where none is wanted."""
    stems = list(wanted)
    return sum(_is_found(one, there) for one in stems) / len(stems) if stems else 1.0


def _is_found(wanted: str, there: set[str]) -> bool:
    if wanted in there:
        return True
    if len(wanted) < _PREFIX:
        return False
    return any(one.startswith(wanted) or (len(one) >= _PREFIX and wanted.startswith(one)) for one in there)
