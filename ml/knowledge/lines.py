"""Lines of text files and PDF files, wrapped at a width, as paragraphs and list items.

Bytes, pages and headings do not belong here; they are in the readers.
"""

import re
from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Final

_SOFT_HYPHEN: Final = "\u00ad"
_word = re.compile(r"\w+(?:-\w+)*")
_divided = re.compile(r"(\w+(?:-\w+)*)-$")
_address = re.compile(r"\S*[/@_=]\S*-$")
_item = re.compile(r"\s*(?:[-*+\u2022\u00b7\u25aa]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)])\s+\S")
_CONJUNCTIONS: Final = frozenset({"and", "or", "to", "und", "oder", "bis"})  # after "pre-" in "pre- and post-war"
_COMPOUNDING: Final = frozenset(
    "self well twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905 - one word after the other
)
"""First parts of compounds that keep their hyphen."""
_SUFFIXES: Final = frozenset({"ish", "less", "ness", "hood"})  # selfish and wellness are no compounds


def vocabulary_of(lines: Sequence[str]) -> frozenset[str]:
    """Return the words of lines in lower case, without the parts of words that are divided between two lines."""
    words: set[str] = set()
    is_divided = False
    for line in lines:
        line_words = _word.findall(line.lower())
        ends_divided = _divided.search(line.rstrip()) is not None
        words.update(line_words[is_divided : len(line_words) - ends_divided])
        is_divided = ends_divided
    return frozenset(words)


def split_items(lines: Sequence[str], vocabulary: frozenset[str]) -> Iterator[str]:
    """Yield the paragraph and the list items of consecutive lines, each as one line.

    A mark in the middle of a sentence, such as a dash, begins no item.
    """
    groups: list[list[str]] = []
    for line in lines:
        if groups and not (is_item(line) and _may_precede_item(groups[-1])):
            groups[-1].append(line)
        else:
            groups.append([line])
    for group in groups:
        yield reduce(lambda before, after: join_lines(before, after, vocabulary), group)


def _may_precede_item(lines: Sequence[str]) -> bool:
    return is_item(lines[0]) or lines[-1].rstrip().endswith((".", ":", ";", "!", "?"))


def is_item(text: str) -> bool:
    """Return whether a text begins with the mark of a list item."""
    return _item.match(text) is not None


def join_lines(before: str, after: str, vocabulary: frozenset[str]) -> str:
    """Join two lines; a word divided between them is whole again, with its hyphen if it is a compound."""
    before, after = before.rstrip(), after.lstrip()
    if before.endswith(_SOFT_HYPHEN):
        return before[:-1] + after
    first, rest = _divided.search(before), _word.match(after)
    if first is None or rest is None or rest[0] in _CONJUNCTIONS:
        return f"{before} {after}".strip()
    is_whole = _address.search(before) or _keeps_hyphen(first[1], rest[0], vocabulary)
    return (before if is_whole else before[:-1]) + after


def _keeps_hyphen(first: str, rest: str, vocabulary: frozenset[str]) -> bool:
    """Return whether a hyphen at the end of a line belongs to the word.

    It does if the rest is no lower-case word, the document has the word with its hyphen, or both of its parts as words and not the two in
    one, or if the first part is one that makes compounds.
    """
    if not (rest[0].islower() and first[-1].isalpha()) or "-" in first or "-" in rest or len(first) == 1:
        return True
    first, plain = first.lower(), f"{first}{rest}".lower()
    if plain in vocabulary:
        return False
    has_parts = first in vocabulary and rest in vocabulary
    return has_parts or f"{first}-{rest}" in vocabulary or (first in _COMPOUNDING and rest not in _SUFFIXES)
