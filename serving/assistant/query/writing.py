"""An answer in the making: a model's sentences held against their passages, extracted ones put down, all of it judged.

Where the text comes from is `service`.
"""

import re
from collections.abc import Iterable, Sequence

from ml.knowledge.answers import DECLINED, Candidate
from ml.knowledge.claims import ClaimReader, Quote, check_claim
from ml.knowledge.quotes import find_quote
from serving.assistant.knowledge.passages import Passage
from serving.assistant.query.schemas import Citation
from serving.gateway.calls.policy_session import Judging
from serving.gateway.policy.stream import ResponseStream

_item = re.compile(r"[-*•#|]|\d{1,3}[.)]\s")


class Writing:
    """One answer; what `say…` and `finish` return may go out.

    Parameters
    ----------
    passages : as the policy lets them be read.
    sources : the same as they are.
    grounded : whether a sentence that no passage bears is left out; else all text goes through, and what bears it is cited.

    Attributes
    ----------
    text : what has gone out.
    declined : whether it says that the sources do not answer.
    """

    def __init__(
        self,
        question: str,
        passages: Sequence[Passage],
        sources: Sequence[Passage],
        judging: Judging,
        *,
        grounded: bool,
    ) -> None:
        self._question = question
        self._texts = [passage.text for passage in passages]
        self._sources = sources
        self._judging = judging
        self._grounded = grounded
        self._claims = ClaimReader()
        self._out = ResponseStream(judging.policy, judging.vault)
        self._begun = False
        self._quotes: dict[Quote, None] = {}
        self._faults: set[str] = set()
        self.declined = False
        self.text = ""

    @property
    def withheld(self) -> bool:
        """Whether the policy has stopped it."""
        return self._out.blocked

    @property
    def faults(self) -> tuple[str, ...]:
        """What the model said and no source bears, by its kinds; `withheld` where the policy has stopped it."""
        return tuple(sorted(self._faults | ({"withheld"} if self.withheld else set())))

    def say_extracted(self, sentences: Iterable[Candidate]) -> str:
        """Sentences of the passages, each with its number."""
        self._grounded = True
        said = ""
        for sentence in sentences:
            self._quotes[Quote(sentence.passage, sentence.text)] = None
            said += self._say(f"{sentence.text} [{sentence.passage + 1}]")
        return said

    def say_piece(self, piece: str) -> str:
        """A piece of what the model says."""
        said = "" if self._grounded else self._put(piece)
        return said + self._check(self._claims.feed(piece))

    def finish(self) -> str:
        """What is held back still, when there is no more to come."""
        said = self._check(self._claims.finish())
        if not self._begun and self._grounded:
            self.declined = True
            said += self._say(DECLINED)
        if not self.withheld:
            rest = self._out.finish()
            self.text += rest
            said += rest
        self._judging.add(self._out.findings)
        return said

    def citations(self) -> tuple[Citation, ...]:
        """What bears the answer, by number; none where it is withheld."""
        if self.withheld:
            return ()
        quotes = sorted(self._quotes, key=lambda quote: quote.passage)
        return tuple(self._citation(quote) for quote in quotes)

    def _check(self, sentences: Iterable[str]) -> str:
        said = ""
        for sentence in sentences:
            claim = check_claim(sentence, self._texts, self._question)
            if claim.declines:  # it is said at the end, where nothing else was
                continue
            if claim.fault is not None and (self._grounded or claim.fault != "uncited_claim"):
                self._faults.add(claim.fault)
            if claim.fault is None or not self._grounded:
                self._quotes.update(dict.fromkeys(claim.quotes))
            if claim.fault is None and self._grounded:
                said += self._say(claim.text)
        return said

    def _say(self, sentence: str) -> str:
        between = ("\n" if _item.match(sentence) else " ") if self._begun else ""
        return self._put(between + sentence)

    def _put(self, text: str) -> str:
        self._begun = True
        released = self._out.feed(text)
        self.text += released
        return released

    def _citation(self, quote: Quote) -> Citation:
        passage = self._sources[quote.passage]
        shown = self._judging.response(quote.text)
        return Citation(
            n=quote.passage + 1,
            source=passage.source,
            title=self._judging.response(passage.title),
            section=self._judging.response(passage.section),
            page=passage.page,
            quote=shown,
            score=passage.score,
            similarity=passage.similarity,
            verified=find_quote(shown, passage.text) == shown,
            chunk_id=passage.chunk_id,
        )
