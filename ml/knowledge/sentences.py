"""Sentence boundaries in English text with abbreviations and numbers.

Words within sentences are in `stems.py`.
"""

import re

_ABBREVIATIONS = "e.g|i.e|etc|Art|Arts|p|pp|No|Nos|vs|approx|Dr|Mr|Mrs|Ms|St|cf|Fig|Sec|para|Inc|Ltd|Co|U.S|U.K"
_end = re.compile(r"[.!?]['\")\]]*\s+(?=['\"(\[]?[A-Z0-9])")
_abbreviated = re.compile(rf"(?:\b(?:{_ABBREVIATIONS.replace('.', r'[.]')})|\b[A-Z])[.]['\")\]]*$")


def sentences(text: str) -> list[str]:
    """Split a text into sentences; joined by single spaces they give the text back.

    >>> sentences("See Art. 5 of it. It says (e.g. on p. 3) more! Really?")
    ['See Art. 5 of it.', 'It says (e.g. on p. 3) more!', 'Really?']
    """
    result: list[str] = []
    start = 0
    for match in _end.finditer(text):
        sentence = text[start : match.end()].rstrip()
        if _abbreviated.search(sentence):
            continue
        result.append(sentence)
        start = match.end()
    rest = text[start:].strip()
    return [*result, rest] if rest else result
