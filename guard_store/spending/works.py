"""Input and result of the spending step: reservations, holds, refusals, settlements.

Plain data only; the step itself is `step`.
"""

from dataclasses import dataclass, field
from datetime import date

import msgspec

from guard_core.days import now_us
from guard_store.ledger.entry import Entry
from guard_store.spending.amounts import Amount, Measure, Period, Scope
from guard_store.writer.work import Work


class Hold(msgspec.Struct, frozen=True, array_like=True):
    """The amount that a reservation holds of one budget, in the budget's measure."""

    budget_id: str
    span: str
    measure: Measure
    held: int


@dataclass(slots=True)
class Reservation:
    """A call that is about to be made.

    Attributes
    ----------
    id : unique id of the call; 32 characters.
    most : upper bound of its usage; output tokens are bounded by the caller's maximum, if any.
    day : the local day of its usage.
    key_day, project_day : the local days on which budgets of its key and its project count it.
    expires_us : when its process must have died; from then on it is charged in full.
    """

    id: str
    route: str
    request_id: str
    key_id: str | None
    role: str
    project_id: str | None
    end_user: str | None
    model: str
    most: Amount
    day: date
    key_day: date
    project_day: date
    made_us: int
    expires_us: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A budget that has no room for a call; `wanted` is the amount of the call, None if its price is not known."""

    budget_id: str
    scope: Scope
    scope_id: str
    measure: Measure
    period: Period
    span: str
    hard: int
    spent: int
    reserved: int
    wanted: int | None


class Reserved(msgspec.Struct, frozen=True):
    """The result of a reservation: its holds and the ids of exceeded soft budgets, or the refusal."""

    holds: tuple[Hold, ...] = ()
    soft: tuple[str, ...] = ()
    refusal: Refusal | None = None


@dataclass(slots=True)
class ReserveCall(Work):
    """Reserves a call; `reserved` is the result, valid once the transaction is committed."""

    reservation: Reservation
    reserved: Reserved | None = None

    @property
    def request_id(self) -> str | None:  # type: ignore[override]
        """The request id of the call."""
        return self.reservation.request_id

    @property
    def needs_flush(self) -> bool:
        """False: with SQLite, the process of the call dies together with the machine, and with it the call."""
        return False


@dataclass(slots=True)
class SettleCall(Work):
    """Settles a call at its end.

    Attributes
    ----------
    usage : the usage of the call.
    model : the model that answered; after a fallback, another one than was reserved.
    entry : ledger entry of a call whose process died, appended only if the reservation was still open.
    latency_ms : from the reservation to the end of the answer; None if no server answered.
    """

    reservation: Reservation
    holds: tuple[Hold, ...]
    usage: Amount
    model: str
    entry: Entry | None = field(default=None)
    latency_ms: float | None = None

    @property
    def request_id(self) -> str | None:  # type: ignore[override]
        """The request id of the call."""
        return self.reservation.request_id


def settle_lost_call(reservation: Reservation, holds: tuple[Hold, ...]) -> SettleCall:
    """Return the settlement of a call whose process died; it is charged in full, because its usage is unknown."""
    most = reservation.most
    usage = Amount(
        tokens_in=most.tokens_in, tokens_out=most.tokens_out, estimated=True, cost_nano_usd=most.cost_nano_usd
    )
    entry = Entry(
        at_us=now_us(),
        route=reservation.route,
        method="POST",
        status=499,
        request_id=reservation.request_id,
        key_id=reservation.key_id,
        role=reservation.role,
        project_id=reservation.project_id,
        end_user=reservation.end_user,
        model=reservation.model,
        tokens_in=usage.tokens_in,
        tokens_cached=0,
        tokens_out=usage.tokens_out,
        tokens_reasoning=0,
        tokens_estimated=True,
        cost_nano_usd=usage.cost_nano_usd,
        details='{"aborted":true,"lost":true}',
    )
    return SettleCall(reservation, holds, usage, reservation.model, entry)
