"""Settled calls of language models of two users, with a budget and costs at AWS, for pages that show them."""

import uuid
from datetime import date
from decimal import Decimal

from guard_core.units import NANO
from guard_store.costs.rows import CostDay, CostLine
from guard_store.costs.store import CostStore
from guard_store.db.database import Database
from guard_store.spending.amounts import Amount
from guard_store.spending.budgets import BudgetStore
from guard_store.spending.works import Reservation, ReserveCall, SettleCall
from guard_store.steps import writer_steps
from guard_store.writer.writer import GroupWriter

_KEY = "0123456789abcdef" * 2  # of a key that was deleted: pages show its id, which is long


def spend_calls(database: Database, project_id: str, day: date) -> None:
    """Settle two calls on a day, with a monthly budget that they have nearly spent, and a day of AWS."""
    line = CostLine("Amazon S3", "sample", "USD", Decimal("1.25"), Decimal("1.25"))
    aws = CostDay(
        project_id, day.isoformat(), "aws", "ok", None, "utc_day", estimated=False, pulled_us=1, lines=(line,)
    )
    CostStore(database).replace([aws])
    budgets = BudgetStore(database)
    budgets.put("project", project_id, "cost_usd", "month", soft=NANO // 100, hard=NANO // 20)
    budgets.put("key", _KEY, "cost_usd", "day", soft=None, hard=NANO // 24)
    writer = GroupWriter(database, writer_steps(close_delay_s=300), queue_rows=100)
    writer.start()
    for user, latency_ms in (("anna", 420.0), ("bert", 1_900.0)):
        usage = Amount(tokens_in=100, tokens_out=50, cost_nano_usd=NANO // 50)
        call = Reservation(
            id=uuid.uuid4().hex,
            route="/v1/chat/completions",
            request_id=user,
            key_id=_KEY,
            role="analyst",
            project_id=project_id,
            end_user=user,
            model="gpt-4o-mini",
            most=usage,
            day=day,
            key_day=day,
            project_day=day,
            made_us=0,
            expires_us=1,
        )
        work = ReserveCall(call)
        writer.store(work)
        assert work.reserved is not None
        writer.store(SettleCall(call, work.reserved.holds, usage, call.model, latency_ms=latency_ms))
    writer.stop()
