"""The gate: nothing that costs money is done before its budget is reserved, and nothing that was done is left unsettled.

A call is reserved in a transaction of its own, made, and settled in the transaction that writes its row of the ledger.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from guard_core.days import local_days, now_us
from guard_core.ids import new_id
from guard_core.settings import Settings
from guard_core.ttl_cache import TtlCache
from guard_core.units import NANO, SECOND_US
from guard_store.db.database import Database
from guard_store.projects.store import project_zones
from guard_store.spending.amounts import Amount, first_day_after
from guard_store.spending.budgets import Budget, BudgetStore
from guard_store.spending.requests import Refusal, Reservation, ReserveCall, Reserved, SettleCall, settle_lost_call
from guard_store.writer.work import QueueFullError, RowsRefusedError, StoreUnavailableError
from guard_store.writer.writer import GroupWriter
from serving.audit.record import Record
from serving.auth.principal import Principal
from serving.gateway.calls import metrics, spans
from serving.gateway.prices import Prices
from serving.gateway.upstreams.upstreams import Upstreams
from serving.http.problems import Forbidden, NotFound, Problem, TooManyRequests, Unavailable
from serving.http.tracing import NO_SPAN

_log = logging.getLogger(__name__)
_GRACE_S = 60  # after the longest that a call may take, its process is dead
_LOOK_S = 30.0
_GAUGES_MOST = 200


class Asked(msgspec.Struct, frozen=True):
    """A call that somebody wants made; one that is `free` goes to no server. Tools that it uses may cost something beside it."""

    route: str
    request_id: str
    principal: Principal
    project_id: str | None
    end_user: str | None
    model: str
    tokens_in: int
    tokens_out: int
    free: bool = False
    tools_nano_usd: int = 0


class Call:
    """A call that is being made; `settle` says how it ended."""

    def __init__(self, reservation: Reservation, reserved: Reserved, record: Record, prices: Prices) -> None:
        self._reservation = reservation
        self._reserved = reserved
        self._record = record
        self._prices = prices
        self._began = time.perf_counter()
        self.span = NO_SPAN
        self.settled = False
        if reserved.soft:
            record.details["soft_budgets"] = list(reserved.soft)

    def first_token(self, model: str) -> None:
        """The stream has begun to say something."""
        seconds = time.perf_counter() - self._began
        metrics.first_token(self._reservation.route, model, seconds)
        spans.first_token(self.span, seconds)

    def settle(
        self, took: Amount, model: str, base_url: str | None, outcome: str, *, tools_nano_usd: int = 0
    ) -> Amount:
        """Put on record what the call took; returns it with its cost. Without server and tools it costs nothing."""
        costs = base_url is not None and (took.tokens_in or took.tokens_out)
        cost = self._prices.cost_nano_usd(model, base_url or "", took) if costs else 0
        took = _priced(took, None if cost is None else cost + tools_nano_usd)
        self.settled = True
        self._record.settlement = SettleCall(self._reservation, self._reserved.holds, took, model)
        self._record.note(
            model=model[:256],
            tokens_in=took.tokens_in,
            tokens_cached=took.tokens_cached,
            tokens_out=took.tokens_out,
            tokens_reasoning=took.tokens_reasoning,
            tokens_estimated=took.estimated,
            cost_nano_usd=took.cost_nano_usd,
        )
        # Counted while the writer, which gets this next, puts it on record.
        seconds = time.perf_counter() - self._began
        asyncio.get_running_loop().call_soon(metrics.ended, self._reservation.route, model, outcome, took, seconds)
        spans.ended(self.span, took, model, base_url, outcome)
        return took


class Gate:
    """Reserves, settles, and clears up after processes that died."""

    def __init__(self, settings: Settings, database: Database, writer: GroupWriter) -> None:
        self.upstreams = Upstreams(settings)
        self.budgets = BudgetStore(database)
        self.prices = Prices(settings.llm.prices)
        self._settings = settings
        self._database = database
        self._writer = writer
        self._zones: TtlCache[str, str] = TtlCache(settings.server.key_cache_s)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the way to the servers, begin to clear up."""
        await asyncio.to_thread(local_days, self._settings.server.timezone)
        await self.upstreams.start()
        self._task = asyncio.create_task(self._clear_up())

    async def stop(self) -> None:
        """Close both."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.upstreams.stop()

    @asynccontextmanager
    async def call(self, asked: Asked, record: Record) -> AsyncIterator[Call]:
        """Reserve what a call may take at most; whatever leaves the block unsettled is settled as having taken nothing.

        Raises
        ------
        TooManyRequests
            Where a budget has no room for it.
        Forbidden
            Where a budget of cost applies and the price is not known.
        NotFound, Unavailable
            Where its project does not exist, or the reservation cannot be stored now.
        """
        await self.upstreams.enter()
        try:
            with spans.of_call(asked.route, asked.model, asked.request_id) as span:
                call = await self._reserve(asked, record)
                call.span = span
                try:
                    yield call
                finally:
                    if not call.settled:
                        call.settle(Amount(), asked.model, None, "error")
        finally:
            self.upstreams.leave()

    async def day_of(self, project_id: str | None, at_us: int | None = None) -> date:
        """The local day of a project, or of what belongs to none.

        Raises
        ------
        NotFound
            Where there is no such project.
        """
        return local_days(await self._zone(project_id)).of(now_us() if at_us is None else at_us)

    async def today(self, budget: Budget) -> date:
        """The local day that a budget counts on now."""
        try:
            return await self.day_of(budget.project_id)
        except NotFound:  # of a project that is gone
            return await self.day_of(None)

    async def _reserve(self, asked: Asked, record: Record) -> Call:
        at_us = now_us()
        most = Amount(tokens_in=asked.tokens_in, tokens_out=asked.tokens_out)
        key_day = await self.day_of(asked.principal.project_id, at_us)
        project_day = await self.day_of(asked.project_id, at_us)
        reservation = Reservation(
            id=new_id(),
            route=asked.route,
            request_id=asked.request_id,
            key_id=asked.principal.key_id,
            role=asked.principal.role,
            project_id=asked.project_id,
            end_user=asked.end_user,
            model=asked.model[:256],
            most=_priced(most, self._cost_at_most(asked, most)),
            day=project_day,
            key_day=key_day,
            project_day=project_day,
            made_us=at_us,
            expires_us=at_us + (self._settings.llm.total_s * 2 + _GRACE_S) * SECOND_US,
        )
        reserved = await self._store(reservation)
        if reserved.refusal is not None:
            metrics.refused(asked.route, reserved.refusal.scope, reserved.refusal.measure)
            raise await self._refused(reserved.refusal, reservation, asked.principal)
        return Call(reservation, reserved, record, self.prices)

    def _cost_at_most(self, asked: Asked, most: Amount) -> int | None:
        """The cost at the dearest of the servers, and of tools; None where the price of one is not known."""
        dearest = 0
        for upstream in () if asked.free else self.upstreams:
            cost = self.prices.cost_nano_usd(upstream.model_of(asked.model), upstream.base_url, most)
            if cost is None:
                return None
            dearest = max(dearest, cost)
        return dearest + asked.tools_nano_usd

    async def _store(self, reservation: Reservation) -> Reserved:
        work = ReserveCall(reservation)
        try:
            await self._writer.submit(work)
        except (QueueFullError, StoreUnavailableError, RowsRefusedError) as error:
            raise Unavailable(f"The call cannot be reserved, so it is not made: {error}.") from error
        if work.reserved is None:
            raise RuntimeError("a reservation was stored and not answered")
        return work.reserved

    async def _refused(self, refusal: Refusal, reservation: Reservation, principal: Principal) -> Problem:
        told: dict[str, Any] = {"budget_id": refusal.budget_id, "measure": refusal.measure, "span": refusal.span}
        named = f"The {refusal.period} budget of {refusal.scope} {refusal.scope_id}"
        if refusal.wanted is None:
            return Forbidden(
                f"{named} is in dollars, and the price of model {reservation.model!r} is not known: an operator must set"
                " it in ML_GUARD_LLM_PRICES.",
                code="price_unknown",
                **told,
            )
        is_key = refusal.scope == "key"
        day = first_day_after(refusal.period, reservation.key_day if is_key else reservation.project_day)
        headers = {}
        until = "It does not begin anew."
        if day is not None:
            zone = await self._zone(principal.project_id if is_key else reservation.project_id)
            starts_us = local_days(zone).bounds_us(day)[0]
            wait_s = max(1, -(-(starts_us - now_us()) // SECOND_US))
            headers["Retry-After"] = str(wait_s)
            until = f"It begins anew on {day.isoformat()} ({zone})."
            told["resets_at"] = f"{day.isoformat()}T00:00:00[{zone}]"
        left = refusal.hard - refusal.spent - refusal.reserved
        return TooManyRequests(
            f"{named} has {_shown(max(0, left), refusal)} left of {_shown(refusal.hard, refusal)}, and this call may take"
            f" {_shown(refusal.wanted, refusal)}. {until}",
            headers=headers,
            code="budget_exceeded",
            **told,
        )

    async def _zone(self, project_id: str | None) -> str:
        if project_id is None:
            return self._settings.server.timezone
        cached = self._zones.get(project_id)
        if cached is not None:
            return cached
        zone = await asyncio.to_thread(self._look_up_zone, project_id)
        if zone is None:
            raise NotFound(f"There is no project {project_id!r}.")
        self._zones.put(project_id, zone)
        return zone

    def _look_up_zone(self, project_id: str) -> str | None:
        zone = project_zones(self._database, [project_id]).get(project_id)
        if zone is not None:
            local_days(zone)  # made once a process, in a tenth of a second: not in the event loop
        return zone

    async def _clear_up(self) -> None:
        while True:
            try:
                for reservation, holds in await asyncio.to_thread(self.budgets.expired, now_us()):
                    _log.warning("a call whose process died is charged in full", extra={"for": reservation.request_id})
                    await self._writer.submit(settle_lost_call(reservation, holds))
                await self._show_budgets()
            except (SQLAlchemyError, QueueFullError, StoreUnavailableError, RowsRefusedError):
                _log.exception("calls of dead processes could not be settled; the next look is in %s s", _LOOK_S)
            await asyncio.sleep(_LOOK_S)

    async def _show_budgets(self) -> None:
        found = (await asyncio.to_thread(self.budgets.of))[:_GAUGES_MOST]
        days = {budget.id: await self.today(budget) for budget in found}
        for standing in await asyncio.to_thread(self.budgets.statuses, found, lambda budget: days[budget.id]):
            metrics.standing(standing)


def _priced(took: Amount, cost_nano_usd: int | None) -> Amount:
    return Amount(
        tokens_in=took.tokens_in,
        tokens_cached=took.tokens_cached,
        tokens_out=took.tokens_out,
        tokens_reasoning=took.tokens_reasoning,
        estimated=took.estimated,
        cost_nano_usd=cost_nano_usd,
    )


def _shown(value: int, refusal: Refusal) -> str:
    return f"{value / NANO:.6g} USD" if refusal.measure == "cost_usd" else f"{value} {refusal.measure}"
