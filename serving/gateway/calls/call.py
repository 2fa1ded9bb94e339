"""One call of a language model, from its reservation to its settlement; `gateway` makes it.

The settlement shares the transaction that appends the entry to the ledger.
"""

import asyncio
import time
from typing import Final, Literal

import msgspec

from guard_store.spending.amounts import Amount
from guard_store.spending.works import Reservation, Reserved, SettleCall
from serving.audit.context import RequestContext
from serving.audit.service import AuditService
from serving.gateway.calls import metrics, spans
from serving.gateway.evaluations.answers import Answer, EvaluatedCall
from serving.gateway.evaluations.service import EvaluationService
from serving.gateway.prices import Prices
from serving.http.problems import Problem, Unavailable, unexpected
from serving.http.tracing import NO_SPAN


class CallRequest(msgspec.Struct, frozen=True):
    """A call that a request is about to make.

    Attributes
    ----------
    end_user : the user on whose behalf the caller asks.
    tokens_in, tokens_out : upper bounds, as far as they are known.
    without_upstream : whether no model is called; tools may be.
    tools_nano_usd : the most that tools of the request may cost.
    """

    model: str
    tokens_in: int
    tokens_out: int
    end_user: str | None = None
    without_upstream: bool = False
    tools_nano_usd: int = 0


MAX_MODEL: Final = 256
"""Characters of the name of a model that are kept; callers choose it."""

Outcome = Literal["ok", "blocked", "aborted", "error"]


class Call:
    """A call in progress: record its usage, then settle it.

    Parameters
    ----------
    evaluations : stores the event of the answer; None if none is made of it.
    """

    def __init__(
        self,
        reservation: Reservation,
        reserved: Reserved,
        context: RequestContext,
        prices: Prices,
        audit: AuditService,
        evaluations: EvaluationService | None,
    ) -> None:
        self._reservation = reservation
        self._reserved = reserved
        self._context = context
        self._prices = prices
        self._audit = audit
        self._evaluations = evaluations
        self._answer: Answer | None = None
        self._started = time.perf_counter()
        self._usage = Amount()
        self._model = reservation.model
        self._base_url: str | None = None
        self.span = NO_SPAN
        self.is_settled = False
        if reserved.soft:
            context.entry.details["soft_budgets"] = list(reserved.soft)

    @property
    def estimated_tokens_in(self) -> int:
        """Return the tokens of the prompt as estimated for the reservation."""
        return self._reservation.most.tokens_in

    @property
    def is_evaluated(self) -> bool:
        """Whether an evaluation event is made of the answer that is recorded."""
        return self._evaluations is not None

    def record_answer(self, answer: Answer) -> None:
        """Record what is known of the answer, for its event."""
        self._answer = answer

    def record_first_token(self, model: str) -> None:
        """Record the arrival of the first token of a stream."""
        seconds = time.perf_counter() - self._started
        metrics.observe_first_token(self._reservation.route, model, seconds)
        spans.record_first_token(self.span, seconds)

    def record_usage(self, usage: Amount, model: str, base_url: str | None, *, tools_nano_usd: int = 0) -> Amount:
        """Record the usage of the call; return it with its cost, which is zero without an upstream and tools."""
        has_price = base_url is not None and (usage.tokens_in or usage.tokens_out)
        cost = self._prices.cost_nano_usd(model, base_url or "", usage) if has_price else 0
        self._usage = with_cost(usage, None if cost is None else cost + tools_nano_usd)
        self._model, self._base_url = model, base_url
        return self._usage

    async def settle(self, outcome: Outcome, response: bytes = b"") -> None:
        """Book the usage and append the request's entry to the ledger, in one transaction; return when it is durable.

        Parameters
        ----------
        response : the unsent rest of the answer's body; send it only after this returns.

        Raises
        ------
        Unavailable
            If the transaction cannot be stored now; the reservation then stays until it expires, and is settled with all that it holds.
        """
        entry, usage = self._context.entry, self._usage
        if outcome == "aborted":
            entry.details["aborted"] = True
        elif not entry.has_begun:
            entry.status = 200
        is_answered = self._base_url is not None and outcome in {"ok", "blocked"}
        evaluated = self._evaluated(outcome)
        if evaluated:
            entry.details["evaluated"] = True
        try:
            await self._commit(response, self._milliseconds() if is_answered else None)
        except Unavailable:  # the middleware commits the settlement with the entry of the error
            entry.details.pop("evaluated", None)
            raise
        # Scheduled, so that counting does not delay the answer.
        seconds = time.perf_counter() - self._started
        asyncio.get_running_loop().call_soon(
            metrics.count_call, self._reservation.route, self._model, outcome, usage, seconds
        )
        spans.record_end(self.span, usage, self._model, self._base_url, outcome)
        if self._evaluations is not None and evaluated is not None:
            self._evaluations.store(evaluated)

    async def settle_failed(self, error: BaseException) -> None:
        """Settle a call whose request ends in an error: with the usage so far, and the error as the answer."""
        if self.is_settled:
            return
        entry = self._context.entry
        if entry.failure is None and (self._context.is_disconnected or not isinstance(error, Exception)):
            await self.settle("aborted")
            return
        entry.answer_with(entry.failure or (error if isinstance(error, Problem) else unexpected()))
        await self.settle("error")

    def _evaluated(self, outcome: Outcome) -> EvaluatedCall | None:
        """Return the call for its event; None if it has none, as without a complete answer."""
        project_id = self._context.project_id
        if self._answer is None or project_id is None or outcome not in {"ok", "blocked"}:
            return None
        return EvaluatedCall(
            project_id,
            self._context.request_id,
            self._context.route,
            self._model,
            self._answer,
            outcome == "blocked",
            self._usage,
            self._milliseconds(),
        )

    def _milliseconds(self) -> float:
        """Return the time since the reservation."""
        return (time.perf_counter() - self._started) * 1_000

    async def _commit(self, response: bytes, latency_ms: float | None) -> None:
        usage = self._usage
        self._context.entry.note(
            model=self._model[:MAX_MODEL],
            tokens_in=usage.tokens_in,
            tokens_cached=usage.tokens_cached,
            tokens_out=usage.tokens_out,
            tokens_reasoning=usage.tokens_reasoning,
            tokens_estimated=usage.estimated,
            cost_nano_usd=usage.cost_nano_usd,
        )
        self.is_settled = True
        self._context.entry.settlement = SettleCall(
            self._reservation, self._reserved.holds, usage, self._model, latency_ms=latency_ms
        )
        await self._audit.commit_answer(self._context.entry, response)


def with_cost(usage: Amount, cost_nano_usd: int | None) -> Amount:
    """Return a usage with its cost; None if its price is not known."""
    return msgspec.structs.replace(usage, cost_nano_usd=cost_nano_usd)
