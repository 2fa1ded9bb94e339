"""Claims of a generated answer, checked sentence by sentence against the numbered passages that they cite.

`[n]` cites passage n, from 1. Only the support of claims is checked here; whether the passages answer the question is left to the
model.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ml.knowledge.answers import DECLINED
from ml.knowledge.quotes import find_quote, is_open, quotes_in
from ml.knowledge.sentences import sentences
from ml.knowledge.stems import content_stems, covered_share, numbers_in, stems_of, words_of

Fault = Literal["uncited_claim", "unknown_passage", "invented_quote", "unsupported_claim"]

_marker = re.compile(r"[ \t]*\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_leading = re.compile(r"(?:\[\d{1,3}(?:\s*,\s*\d{1,3})*\][ \t]*)+[.!?]*")
_unfinished = re.compile(r"[\[\]\d,\s.!?*_-]*")
_QUOTE_WORDS = 3  # shorter quotes occur in many texts by chance
_MIN_SUPPORT = 0.6  # share of a claim's content words that a passage must have if it is cited without a quote


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim quote from a passage; `passage` is its index, from 0."""

    passage: int
    text: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer, and the quotes that support it.

    Attributes
    ----------
    text : the sentence without the markers of passages that do not support it.
    quotes : at least one for each passage that it still cites.
    fault : why a grounded answer must not contain it; None if it may.
    """

    text: str
    quotes: tuple[Quote, ...]
    fault: Fault | None

    @property
    def declines(self) -> bool:
        """Whether it is the sentence that declines to answer."""
        return self.text.strip(" \"'*_") == DECLINED


def check_claim(sentence: str, passages: Sequence[str], question: str = "") -> Claim:
    """Check a sentence against the passages that it cites.

    Parameters
    ----------
    passages : texts of the passages, in the order of their numbers.
    question : numbers of the question may be repeated without support.

    >>> check_claim('Logs are kept "for at least six months" [1].', ["Keep logs for at least six months."]).fault
    >>> check_claim('Logs are kept "for two years" [1].', ["Keep logs for at least six months."]).fault
    'invented_quote'
    """
    cited = sorted({int(n) - 1 for group in _marker.findall(sentence) for n in group.split(",")})
    existing = [place for place in cited if 0 <= place < len(passages)]
    if not existing:
        return Claim(sentence, (), "unknown_passage" if cited else "uncited_claim")
    bare = _marker.sub("", sentence)
    texts = quotes_in(bare)
    quotes = [
        Quote(place, match) for text in texts for place in existing if (match := find_quote(text, passages[place]))
    ]
    if is_open(bare) or any(all(find_quote(text, passages[place]) is None for place in existing) for text in texts):
        return Claim(sentence, tuple(quotes), "invented_quote")
    if not numbers_in(bare) <= numbers_in(" ".join([question, *(passages[place] for place in existing)])):
        return Claim(sentence, tuple(quotes), "unsupported_claim")
    quotes = [quote for quote in quotes if len(words_of(quote.text)) >= _QUOTE_WORDS]
    quoted = {quote.passage for quote in quotes}
    quotes += [
        Quote(place, nearest_sentence(bare, passages[place]))
        for place in existing
        if place not in quoted and _supports(passages[place], bare)
    ]
    supporting = {quote.passage for quote in quotes}
    return Claim(_cite_only(sentence, supporting), tuple(quotes), None if quotes else "unsupported_claim")


def nearest_sentence(text: str, passage: str) -> str:
    """Return the sentence of a passage that shares most content words with a text."""
    stems = content_stems(text)
    return max(sentences(passage) or [passage], key=lambda sentence: covered_share(stems, stems_of(sentence)))


def split_claims(text: str) -> list[str]:
    """Split an answer into sentences and lines; markers and quotes stay with the sentence that they belong to.

    >>> split_claims('One. [1] He says "Two. Three." [2]')
    ['One. [1]', 'He says "Two. Three." [2]']
    """
    claims: list[str] = []
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
        claims += parts
    return claims


class ClaimReader:
    """Split an answer that arrives in pieces into complete sentences."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, piece: str) -> list[str]:
        """Add a piece and return the sentences that are complete."""
        self._rest += piece
        head, newline, line = self._rest.rpartition("\n")
        complete = split_claims(head) if newline else []
        parts = split_claims(line)
        unfinished = 1 if len(parts) < 2 or not _unfinished.fullmatch(parts[-1]) else 2
        complete += parts[:-unfinished]
        if newline or len(parts) > unfinished:
            tail = " ".join(parts[-unfinished:])
            ending = line[len(line.rstrip()) :]
            self._rest = tail + ending
        return complete

    def finish(self) -> list[str]:
        """Return the remaining sentences."""
        rest, self._rest = self._rest, ""
        return split_claims(rest)


def _supports(passage: str, claim: str) -> bool:
    stems = content_stems(claim)
    return bool(stems) and covered_share(stems, stems_of(passage)) >= _MIN_SUPPORT


def _cite_only(sentence: str, supporting: set[int]) -> str:
    """Remove the markers of other passages from a sentence."""

    def keep_supporting(match: re.Match[str]) -> str:
        numbers = [n.strip() for n in match[1].split(",") if int(n) - 1 in supporting]
        return f"{match[0][: match[0].index('[')]}[{', '.join(numbers)}]" if numbers else ""

    return _marker.sub(keep_supporting, sentence)
