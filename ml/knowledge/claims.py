"""What a model says from numbered passages, sentence by sentence: each must cite a passage that bears it, or it is not said.

`[n]` cites the passage of that number, from 1. Whether the passages answer the question is the model's to say; whether it says
what stands in them is checked here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ml.knowledge.answers import DECLINED
from ml.knowledge.quotes import find_quote, is_open, quotes_in
from ml.knowledge.sentences import sentences
from ml.knowledge.wording import content_stems, covered_share, numbers_in, stems_of, words_of

Fault = Literal["uncited_claim", "unknown_passage", "invented_quote", "unsupported_claim"]

_marker = re.compile(r"[ \t]*\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_leading = re.compile(r"(?:\[\d{1,3}(?:\s*,\s*\d{1,3})*\][ \t]*)+[.!?]*")
_unfinished = re.compile(r"[\[\]\d,\s.!?*_-]*")
_QUOTE_WORDS = 3  # fewer stand in many a text by chance
_SUPPORT_LEAST = 0.6  # of a claim's content words, in the passage that it cites without quoting it


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a passage, as they stand there; `passage` is its place, from 0."""

    passage: int
    text: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer, and what bears it.

    Attributes
    ----------
    text : without the markers of passages that do not bear it.
    quotes : at least one for each passage that it cites still.
    fault : why it must not be said in a grounded answer; None where it may.
    """

    text: str
    quotes: tuple[Quote, ...]
    fault: Fault | None

    @property
    def declines(self) -> bool:
        """Whether it says that the sources do not answer."""
        return self.text.strip(" \"'*_") == DECLINED


def check(sentence: str, passages: Sequence[str], question: str = "") -> Claim:
    """Hold a sentence against the passages that it cites.

    Parameters
    ----------
    passages : their texts, in the order of their numbers.
    question : its numbers may be repeated.

    >>> check('Logs are kept "for at least six months" [1].', ["Keep logs for at least six months."]).fault
    >>> check('Logs are kept "for two years" [1].', ["Keep logs for at least six months."]).fault
    'invented_quote'
    """
    cited = sorted({int(n) - 1 for group in _marker.findall(sentence) for n in group.split(",")})
    there = [place for place in cited if 0 <= place < len(passages)]
    if not there:
        return Claim(sentence, (), "unknown_passage" if cited else "uncited_claim")
    bare = _marker.sub("", sentence)
    said = quotes_in(bare)
    found = [
        Quote(place, stands) for quote in said for place in there if (stands := find_quote(quote, passages[place]))
    ]
    if is_open(bare) or any(all(find_quote(quote, passages[place]) is None for place in there) for quote in said):
        return Claim(sentence, tuple(found), "invented_quote")
    if not numbers_in(bare) <= numbers_in(" ".join([question, *(passages[place] for place in there)])):
        return Claim(sentence, tuple(found), "unsupported_claim")
    found = [quote for quote in found if len(words_of(quote.text)) >= _QUOTE_WORDS]
    quoted = {quote.passage for quote in found}
    found += [
        Quote(place, nearest_sentence(bare, passages[place]))
        for place in there
        if place not in quoted and _bears(passages[place], bare)
    ]
    bearing = {quote.passage for quote in found}
    return Claim(_without(sentence, bearing), tuple(found), None if found else "unsupported_claim")


def nearest_sentence(text: str, passage: str) -> str:
    """The sentence of a passage that shares most content words with a text."""
    wanted = content_stems(text)
    return max(sentences(passage) or [passage], key=lambda sentence: covered_share(wanted, stems_of(sentence)))


def split(text: str) -> list[str]:
    """The sentences and lines of an answer; markers and quotes stay with the sentence that they belong to.

    >>> split('One. [1] He says "Two. Three." [2]')
    ['One. [1]', 'He says "Two. Three." [2]']
    """
    found: list[str] = []
    for line in text.split("\n"):
        parts: list[str] = []
        for part in sentences(line):
            if parts and is_open(parts[-1]):
                parts[-1] += f" {part}"
                continue
            markers = _leading.match(part) if parts else None
            if markers is not None:
                parts[-1] += f" {markers[0].rstrip()}"
            rest = part[markers.end() :].lstrip() if markers is not None else part
            if rest:
                parts.append(rest)
        found += parts
    return found


class Claims:
    """An answer that arrives in pieces, given out in whole sentences."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, piece: str) -> list[str]:
        """Take a piece; returns the sentences that nothing can be added to any more."""
        self._rest += piece
        head, newline, line = self._rest.rpartition("\n")
        done = split(head) if newline else []
        parts = split(line)
        keep = 1 if len(parts) < 2 or not _unfinished.fullmatch(parts[-1]) else 2
        done += parts[:-keep]
        if newline or len(parts) > keep:
            tail = " ".join(parts[-keep:])
            ending = line[len(line.rstrip()) :]
            self._rest = tail + ending
        return done

    def finish(self) -> list[str]:
        """The sentences that are left."""
        rest, self._rest = self._rest, ""
        return split(rest)


def _bears(passage: str, claim: str) -> bool:
    wanted = content_stems(claim)
    return bool(wanted) and covered_share(wanted, stems_of(passage)) >= _SUPPORT_LEAST


def _without(sentence: str, bearing: set[int]) -> str:
    """The sentence with markers of the bearing passages only."""

    def kept(match: re.Match[str]) -> str:
        numbers = [n.strip() for n in match[1].split(",") if int(n) - 1 in bearing]
        return f"{match[0][: match[0].index('[')]}[{', '.join(numbers)}]" if numbers else ""

    return _marker.sub(kept, sentence)
