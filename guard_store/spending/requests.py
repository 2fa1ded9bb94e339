"""What is asked of the spending step of a transaction, and what it answers. Plain data; the step is `transaction`."""

from dataclasses import dataclass, field
from datetime import date

import msgspec

from guard_core.days import now_us
from guard_store.ledger.entry import Entry
from guard_store.spending.amounts import Amount, Measure, Period, Scope


class Hold(msgspec.Struct, frozen=True, array_like=True):
    """What a reservation holds of one budget, in the budget's measure."""

    budget_id: str
    span: str
    measure: Measure
    held: int


@dataclass(slots=True)
class Reservation:
    """A call that is about to be made.

    Attributes
    ----------
    id : made for this call; 32 characters.
    most : what it may take at most; tokens out are a bound where the caller named one.
    day : the local day that its usage belongs to.
    key_day, project_day : the local days that budgets of its key and its project count on.
    expires_us : from when on nobody works on it any more: then it is charged in full.
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
    """A budget that has no room for a call; `wanted` None says that its price is not known."""

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
    """The answer to a reservation: what it holds, which soft budgets it passed; or why it is refused."""

    holds: tuple[Hold, ...] = ()
    soft: tuple[str, ...] = ()
    refusal: Refusal | None = None


@dataclass(slots=True)
class Settlement:
    """The end of a call.

    Attributes
    ----------
    took : what it took.
    model : that answered; another one than was reserved for, after a fallback.
    """

    reservation: Reservation
    holds: tuple[Hold, ...]
    took: Amount
    model: str
    entry: Entry | None = field(default=None)
    """A row of the ledger that is written only where the reservation still stood."""


def lost(reservation: Reservation, holds: tuple[Hold, ...]) -> Settlement:
    """The settlement of a call whose process died: in full, because nobody knows what it took."""
    most = reservation.most
    took = Amount(
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
        tokens_in=took.tokens_in,
        tokens_cached=0,
        tokens_out=took.tokens_out,
        tokens_reasoning=0,
        tokens_estimated=True,
        cost_nano_usd=took.cost_nano_usd,
        details='{"aborted":true,"lost":true}',
    )
    return Settlement(reservation, holds, took, reservation.model, entry)
