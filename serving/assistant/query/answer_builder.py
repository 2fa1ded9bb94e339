"""Builds an answer: sentences of a model are checked against their passages, extracted ones are cited, all pass the content policy.

The text comes from `service`.
"""

import re
from collections.abc import Iterable, Sequence

from ml.knowledge.answers import DECLINED, Candidate
from ml.knowledge.claims import ClaimReader, Quote, check_claim
from ml.knowledge.quotes import find_quote
from serving.assistant.knowledge.passages import Passage
from serving.assistant.query.schemas import Citation
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.policy.stream import ResponseStream

_item = re.compile(r"[-*•#|]|\d{1,3}[.)]\s")


class AnswerBuilder:
    """Builds one answer; the text that `add…` and `finish` return may be sent.

    Parameters
    ----------
    passages : after the content policy.
    sources : the same passages unredacted.
    grounded : whether unsupported claims are left out; else all text is kept, with citations for the parts that passages support.

    Attributes
    ----------
    text : the text released so far.
    declined : whether the answer is that the sources do not answer.
    claims, supported_claims : of the model, and those that the sources support.
    """

    def __init__(
        self,
        question: str,
        passages: Sequence[Passage],
        sources: Sequence[Passage],
        session: PolicySession,
        *,
        grounded: bool,
    ) -> None:
        self._question = question
        self._texts = [passage.text for passage in passages]
        self._sources = sources
        self._session = session
        self._grounded = grounded
        self._claims = ClaimReader()
        self._stream = ResponseStream(session.policy, session.vault)
        self._has_text = False
        self._quotes: dict[Quote, None] = {}
        self._faults: set[str] = set()
        self.declined = False
        self.claims = self.supported_claims = 0
        self.text = ""

    @property
    def withheld(self) -> bool:
        """Whether the policy blocks the answer."""
        return self._stream.blocked

    @property
    def faults(self) -> tuple[str, ...]:
        """Kinds of unsupported claims of the model; `withheld` if the policy blocks the answer."""
        return tuple(sorted(self._faults | ({"withheld"} if self.withheld else set())))

    def add_sentences(self, sentences: Iterable[Candidate]) -> str:
        """Add sentences of the passages, each with the number of its citation."""
        self._grounded = True
        released = ""
        for sentence in sentences:
            self._quotes[Quote(sentence.passage, sentence.text)] = None
            released += self._add(f"{sentence.text} [{sentence.passage + 1}]")
        return released

    def add_piece(self, piece: str) -> str:
        """Add a piece of the model's text."""
        released = "" if self._grounded else self._emit(piece)
        return released + self._check(self._claims.feed(piece))

    def finish(self) -> str:
        """Return the text still held back, at the end of the text."""
        released = self._check(self._claims.finish())
        if not self._has_text and self._grounded:
            self.declined = True
            released += self._add(DECLINED)
        if not self.withheld:
            rest = self._stream.finish()
            self.text += rest
            released += rest
        self._session.add(self._stream.findings)
        return released

    def citations(self) -> tuple[Citation, ...]:
        """Return the citations by number; none if the answer is withheld."""
        if self.withheld:
            return ()
        quotes = sorted(self._quotes, key=lambda quote: quote.passage)
        return tuple(self._citation(quote) for quote in quotes)

    def _check(self, sentences: Iterable[str]) -> str:
        released = ""
        for sentence in sentences:
            claim = check_claim(sentence, self._texts, self._question)
            if claim.declines:  # released at the end, if nothing else was
                continue
            self.claims += 1
            self.supported_claims += claim.fault is None
            if claim.fault is not None and (self._grounded or claim.fault != "uncited_claim"):
                self._faults.add(claim.fault)
            if claim.fault is None or not self._grounded:
                self._quotes.update(dict.fromkeys(claim.quotes))
            if claim.fault is None and self._grounded:
                released += self._add(claim.text)
        return released

    def _add(self, sentence: str) -> str:
        separator = ("\n" if _item.match(sentence) else " ") if self._has_text else ""
        return self._emit(separator + sentence)

    def _emit(self, text: str) -> str:
        self._has_text = True
        released = self._stream.feed(text)
        self.text += released
        return released

    def _citation(self, quote: Quote) -> Citation:
        passage = self._sources[quote.passage]
        shown = self._session.response(quote.text)
        return Citation(
            n=quote.passage + 1,
            source=passage.source,
            title=self._session.response(passage.title),
            section=self._session.response(passage.section),
            page=passage.page,
            quote=shown,
            score=passage.score,
            similarity=passage.similarity,
            verified=find_quote(shown, passage.text) == shown,
            chunk_id=passage.chunk_id,
        )
