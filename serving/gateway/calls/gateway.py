"""The gateway of language models: every paid call is reserved in its budgets before it is made, and settled when it ends.

The reservation is a transaction of its own; the settlement shares the transaction that appends the entry to the ledger.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import anyio
from sqlalchemy.exc import SQLAlchemyError

from guard_core.days import local_days, now_us
from guard_core.ids import new_id
from guard_core.settings import Settings
from guard_core.ttl_cache import TtlCache
from guard_core.units import NANO, SECOND_US
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore, project_zones
from guard_store.spending.amounts import Amount, first_day_after
from guard_store.spending.budgets import Budget, BudgetStore
from guard_store.spending.works import (
    Hold,
    Refusal,
    Reservation,
    ReserveCall,
    Reserved,
    SettleCall,
    settle_lost_call,
)
from guard_store.writer.work import QueueFullError, RowsRefusedError, StoreUnavailableError
from guard_store.writer.writer import GroupWriter
from serving.audit.context import RequestContext
from serving.audit.entry import AuditEntry
from serving.audit.service import AuditService
from serving.auth.principal import Principal
from serving.gateway.calls import metrics, spans
from serving.gateway.calls.call import MAX_MODEL, Call, CallRequest, with_cost
from serving.gateway.evaluations.service import EvaluationService
from serving.gateway.prices import Prices
from serving.gateway.upstreams.upstreams import Upstreams
from serving.http.problems import Forbidden, NotFound, Problem, TooManyRequests, Unavailable
from serving.http.unknown_names import unknown_project

_log = logging.getLogger(__name__)
_GRACE_S = 60  # a reservation that outlives the longest possible call by this belongs to a dead process
_SWEEP_S = 30.0


class Gateway:
    """Reserves calls, and settles calls of dead processes."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        writer: GroupWriter,
        audit: AuditService,
        evaluations: EvaluationService,
    ) -> None:
        self.upstreams = Upstreams(settings)
        self.budgets = BudgetStore(database)
        self.prices = Prices(settings.llm.prices, settings.llm.prices_as)
        self._settings = settings
        self._database = database
        self._writer = writer
        self._audit = audit
        self._evaluations = evaluations
        self._zones: TtlCache[str, str] = TtlCache(settings.server.key_cache_s)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the connections to the upstreams, and start settling calls of dead processes."""
        await asyncio.to_thread(local_days, self._settings.server.timezone)
        await self.upstreams.start()
        self._task = asyncio.create_task(self._settle_lost_calls())

    async def stop(self) -> None:
        """Stop settling calls of dead processes, close the connections, and wait for the events of settled calls."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.upstreams.stop()
        await self._evaluations.stop()

    @asynccontextmanager
    async def call(self, request: CallRequest, context: RequestContext) -> AsyncIterator[Call]:
        """Reserve what a call may take at most; settle it with its usage up to then if the block ends without a settlement.

        Raises
        ------
        TooManyRequests
            If a budget has no room for it.
        Forbidden
            If a budget of cost applies and the price is not known.
        NotFound, Unavailable
            If its project does not exist, or the reservation cannot be stored now.
        """
        await self.upstreams.enter()
        try:
            with spans.call_span(context.route, request.model, context.request_id) as span:
                call = await self._reserve(request, context)
                call.span = span
                try:
                    yield call
                except BaseException as error:
                    with anyio.CancelScope(
                        shield=True
                    ):  # Starlette cancels every wait of a request whose client disconnects
                        await call.settle_failed(error)
                    raise
                if not call.is_settled:
                    await call.settle("error")
        finally:
            self.upstreams.leave()

    async def record_without_call(self, entry: AuditEntry, response: bytes) -> None:
        """Append the entry of a request that makes no call to the ledger; return when it is durable.

        Raises
        ------
        Unavailable
            If it cannot be stored now; the response must not be sent.
        """
        entry.status = 200
        await self._audit.commit_answer(entry, response)

    async def day_of(self, project_id: str | None, at_us: int | None = None) -> date:
        """Return the local day of a project, or of the server for None.

        Raises
        ------
        NotFound
            If there is no such project.
        """
        return local_days(await self._zone(project_id)).of(now_us() if at_us is None else at_us)

    async def today(self, budget: Budget) -> date:
        """Return the local day on which a budget counts now."""
        try:
            return await self.day_of(budget.project_id)
        except NotFound:  # its project was deleted
            return await self.day_of(None)

    async def resets_us(self, budget: Budget, day: date) -> int | None:
        """Return the instant at which a budget's span that includes a local day ends; None if it does not end."""
        next_day = first_day_after(budget.period, day)
        if next_day is None:
            return None
        try:
            zone = await self._zone(budget.project_id)
        except NotFound:  # its project was deleted
            zone = await self._zone(None)
        return local_days(zone).bounds_us(next_day)[0]

    async def _reserve(self, request: CallRequest, context: RequestContext) -> Call:
        at_us = now_us()
        most = Amount(tokens_in=request.tokens_in, tokens_out=request.tokens_out)
        key_day = await self.day_of(context.principal.project_id, at_us)
        project_day = await self.day_of(context.project_id, at_us)
        reservation = Reservation(
            id=new_id(),
            route=context.route,
            request_id=context.request_id,
            key_id=context.principal.key_id,
            role=context.principal.role,
            project_id=context.project_id,
            end_user=request.end_user,
            model=request.model[:MAX_MODEL],
            most=with_cost(most, self._max_cost(request, most)),
            day=project_day,
            key_day=key_day,
            project_day=project_day,
            made_us=at_us,
            expires_us=at_us + (self._settings.llm.total_s * 2 + _GRACE_S) * SECOND_US,
        )
        chosen = await self._evaluations.chooses(context.project_id, context.request_id)
        reserved = await self._store(reservation)
        if reserved.refusal is not None:
            metrics.count_refusal(context.route, reserved.refusal.scope, reserved.refusal.measure)
            raise await self._refusal_problem(reserved.refusal, reservation, context.principal)
        return Call(reservation, reserved, context, self.prices, self._audit, self._evaluations if chosen else None)

    def _max_cost(self, request: CallRequest, most: Amount) -> int | None:
        """Return the cost at the most expensive upstream, plus tools; None if the price at one is unknown."""
        highest = 0
        for upstream in () if request.without_upstream else self.upstreams.serving(request.model):
            cost = self.prices.cost_nano_usd(upstream.model_of(request.model), upstream.base_url, most)
            if cost is None:
                return None
            highest = max(highest, cost)
        return highest + request.tools_nano_usd

    async def _store(self, reservation: Reservation) -> Reserved:
        work = ReserveCall(reservation)
        try:
            storing = self._writer.submit(work)
            try:
                await asyncio.shield(storing)
            except asyncio.CancelledError:
                with anyio.CancelScope(shield=True):
                    await self._release(work, storing)
                raise
        except (QueueFullError, StoreUnavailableError, RowsRefusedError) as error:
            raise Unavailable(f"The call cannot be reserved, so it was not made: {error}.") from error
        if work.reserved is None:
            raise RuntimeError("a reservation was stored without a result")
        return work.reserved

    async def _release(self, work: ReserveCall, storing: "asyncio.Future[None]") -> None:
        """Settle a reservation whose request was cancelled while it was being stored: its call is not made."""
        await storing
        if work.reserved is not None and work.reserved.refusal is None:
            reservation = work.reservation
            await self._writer.submit(SettleCall(reservation, work.reserved.holds, Amount(), reservation.model))

    async def _refusal_problem(self, refusal: Refusal, reservation: Reservation, principal: Principal) -> Problem:
        members: dict[str, Any] = {"budget_id": refusal.budget_id, "measure": refusal.measure, "span": refusal.span}
        budget = f"The {refusal.period} budget of {refusal.scope} {refusal.scope_id}"
        if refusal.wanted is None:
            return Forbidden(
                f"{budget} is in dollars, and the price of model {reservation.model!r} is unknown: an operator must set"
                " it in ML_GUARD_LLM_PRICES, or its provider in ML_GUARD_LLM_PRICES_AS.",
                code="price_unknown",
                **members,
            )
        is_key = refusal.scope == "key"
        day = first_day_after(refusal.period, reservation.key_day if is_key else reservation.project_day)
        headers = {}
        reset = "It does not reset."
        if day is not None:
            zone = await self._zone(principal.project_id if is_key else reservation.project_id)
            starts_us = local_days(zone).bounds_us(day)[0]
            wait_s = max(1, -(-(starts_us - now_us()) // SECOND_US))
            headers["Retry-After"] = str(wait_s)
            reset = f"It resets on {day.isoformat()} ({zone})."
            members["resets_at"] = f"{day.isoformat()}T00:00:00[{zone}]"
        left = refusal.hard - refusal.spent - refusal.reserved
        return TooManyRequests(
            f"{budget} has {_with_unit(max(0, left), refusal)} left of {_with_unit(refusal.hard, refusal)}, and this call may take"
            f" {_with_unit(refusal.wanted, refusal)}. {reset}",
            headers=headers,
            code="budget_exceeded",
            **members,
        )

    async def _zone(self, project_id: str | None) -> str:
        if project_id is None:
            return self._settings.server.timezone
        cached = self._zones.get(project_id)
        if cached is not None:
            return cached
        zone = await asyncio.to_thread(self._look_up_zone, project_id)
        if zone is None:
            raise await asyncio.to_thread(unknown_project, ProjectStore(self._database), project_id)
        self._zones.put(project_id, zone)
        return zone

    def _look_up_zone(self, project_id: str) -> str | None:
        zone = project_zones(self._database, [project_id]).get(project_id)
        if zone is not None:
            local_days(zone)  # the first call for a zone takes a tenth of a second: keep it off the event loop
        return zone

    async def _settle_lost_calls(self) -> None:
        while True:
            try:
                for reservation, holds in await asyncio.to_thread(self.budgets.expired, now_us()):
                    await self._settle_lost(reservation, holds)
            except (SQLAlchemyError, QueueFullError, StoreUnavailableError, RowsRefusedError):
                _log.exception("calls of dead processes could not be settled; retrying in %s s", _SWEEP_S)
            await asyncio.sleep(_SWEEP_S)

    async def _settle_lost(self, reservation: Reservation, holds: tuple[Hold, ...]) -> None:
        _log.warning("settling a call of a dead process with all that it holds", extra={"for": reservation.request_id})
        try:
            await self._writer.submit(settle_lost_call(reservation, holds))
        except RowsRefusedError:  # the others must not wait for it
            _log.exception("a call of a dead process cannot be settled", extra={"for": reservation.request_id})


def _with_unit(value: int, refusal: Refusal) -> str:
    return f"{value / NANO:.6g} USD" if refusal.measure == "cost_usd" else f"{value} {refusal.measure}"
