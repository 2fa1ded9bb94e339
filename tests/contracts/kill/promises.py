"""What holds after servers were killed, read from the database: nothing answered is lost, nothing is counted twice, the chain is whole."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sqlalchemy import Table, func, select

from guard_core.units import NANO
from guard_store.alerts.tables import alert_history, alert_policies
from guard_store.alerts.tables import alerts as alerts_table
from guard_store.auth.tables import api_keys
from guard_store.costs.tables import aws_cost_requests, cost_pulls
from guard_store.day_state.tables import day_states
from guard_store.db.database import Database
from guard_store.ingest.tables import events, labels
from guard_store.ledger.tables import ledger
from guard_store.monitoring.tables import baselines, feature_kinds
from guard_store.projects.tables import projects
from guard_store.research.tables import research_steps, tool_calls
from guard_store.retraining.registry import CHAMPION, Registry
from guard_store.retraining.tables import model_decisions, retrain_flags
from guard_store.spending.tables import budget_spans, budgets, reservations, usage
from serving.assistant.tools.executor import METHOD as TOOL
from tests.contracts.kill.exchanges import Exchange, Register
from tests.contracts.kill.home import PILOT, PROJECT, Home

_PAID = ("/v1/", "/query", "/api/v1/query", "/research", "/api/v1/research")
_FREE = {"POST /v1/feedback", "POST /v1/messages/count_tokens", "POST /v1/responses/input_tokens"}
_SUMS = ("tokens_in", "tokens_cached", "tokens_out", "tokens_reasoning", "cost_nano_usd")
Row = Any


@dataclass(frozen=True)
class Ledger:
    """All rows, and those of each request that are not of the tools that it called."""

    rows: Sequence[Row]
    by_request: dict[str, list[Row]]

    @property
    def settled(self) -> list[Row]:
        """Rows of calls that were reserved and settled."""
        return [row for row in self.rows if row.tokens_in is not None and row.method != TOOL]

    @property
    def lost(self) -> list[Row]:
        """Those of calls whose process had died."""
        return [row for row in self.settled if json.loads(row.details).get("lost")]


def read_ledger(database: Database) -> Ledger:
    """Read it; a row of events or labels counts for each of its requests."""
    rows = _all(database, ledger)
    by_request: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.method != TOOL:
            for request_id in json.loads(row.details).get("request_ids", [row.request_id]):
                by_request[request_id].append(row)
    return Ledger(rows, by_request)


def check_answers_on_record(record: Ledger, exchanges: Sequence[Exchange]) -> None:
    """Whatever was answered, if only its first byte, has one row; whatever was not, one at most."""
    for one in exchanges:
        rows = record.by_request.get(one.request_id, [])
        least = one.status not in {None, 503}
        assert least <= len(rows) <= 1, (one, rows)
        if one.complete and rows:
            assert rows[0].status == one.status or "requests" in json.loads(rows[0].details), (one, rows)


def check_effects(record: Ledger, exchanges: Sequence[Exchange], stored: dict[Register, Any]) -> None:
    """What was answered, or is on the ledger, is stored with the value that it was last given."""
    possible: dict[Register, set[Any]] = {}
    for one in exchanges:
        if one.refused:
            continue
        on_record = [row for row in record.by_request.get(one.request_id, []) if row.status < 300]
        for effect in one.effects:
            if one.succeeded or on_record:
                possible[effect.register] = {effect.value}
            else:
                possible.setdefault(effect.register, {None}).add(effect.value)
    wrong = {
        register: (stored.get(register), values)
        for register, values in possible.items()
        if stored.get(register) not in values
    }
    assert wrong == {}


def stored_values(home: Home) -> dict[Register, Any]:
    """The value of every register; of rows that must not be there twice, how often they are instead of True."""
    database = home.database
    values: dict[Register, Any] = {}
    for kind, table in (("event", events), ("label", labels)):
        counts = Counter(row.event_id for row in _all(database, table))
        values |= {(kind, name): True if n == 1 else n for name, n in counts.items()}
    for row in _all(database, api_keys):
        values["key", row.name] = "valid" if row.revoked_us is None else "revoked"
    values |= {("project", row.id): row.name for row in _all(database, projects)}
    for row in _all(database, baselines):
        values["baseline", row.request_id] = True
        if row.active:
            values["active baseline", row.model_id] = row.request_id
    values |= {("kind", row.model_id, row.feature): row.kind for row in _all(database, feature_kinds)}
    values |= {("flag", row.request_id): row.state for row in _all(database, retrain_flags)}
    values |= {("decision", row.request_id): row.action for row in _all(database, model_decisions)}
    values["champion", PILOT] = Registry(home.settings.storage.mlflow).aliases(PROJECT, PILOT).get(CHAMPION)
    values |= {
        ("budget", row.scope, row.scope_id, row.measure, row.period): row.hard for row in _all(database, budgets)
    }
    values |= {("policy", row.name): True for row in _all(database, alert_policies)}
    values |= {("alert step", row.request_id): row.action for row in _all(database, alert_history)}
    values |= {("muted", row.id): row.muted_until_us is not None for row in _all(database, alerts_table)}
    values |= {("cost day", row.day): True for row in _all(database, cost_pulls) if row.source == "aws"}
    values |= {("tool call", row.call_id): row.outcome or "checked" for row in _all(database, tool_calls)}
    values |= {("research", row.request_id): True for row in _all(database, research_steps)}
    return values


def check_rows_have_their_entries(database: Database, record: Ledger, sent: set[str]) -> None:
    """Events, labels and the rows of the ledger that count them are one transaction."""
    for table, prefix in ((events, "/api/v1/events"), (labels, "/api/v1/labels")):
        names = [row.request_id for row in _all(database, table) if row.request_id in sent]
        assert [name for name in set(names) if len(record.by_request.get(name, [])) != 1] == []
        accepted = sum(
            json.loads(row.details).get("accepted", 0) for row in record.rows if row.route.startswith(prefix)
        )
        if table is labels:
            accepted += sum("feedback" in json.loads(row.details) for row in record.rows if row.status == HTTPStatus.OK)
        assert accepted == sum(not name.startswith("predict-") for name in names)
    predictions = {row.request_id for row in _all(database, events) if row.request_id.startswith("predict-")}
    on_record = {row.request_id for row in record.rows if row.route.endswith("/predict") and row.status == 200}
    assert predictions == on_record


def check_days_are_counted(database: Database) -> None:
    """The news of each day count its events."""
    with database.read() as connection:
        counts = connection.execute(
            select(events.c.project_id, events.c.model_id, func.count()).group_by(
                events.c.project_id, events.c.model_id
            )
        )
        stored = {(row[0], row[1]): row[2] for row in counts}
    counted: Counter[tuple[str, str]] = Counter()
    for row in _all(database, day_states):
        counted[row.project_id, row.model_id] += row.events
    assert counted == stored


def check_money(home: Home, record: Ledger, exchanges: Sequence[Exchange]) -> None:
    """Ledger, usage and budgets have counted the same calls, and hold nothing of any that is over."""
    database = home.database
    used = _all(database, usage)
    settled = record.settled
    assert sum(row.requests for row in used) == len(settled)
    assert sum(row.unpriced for row in used) == sum(row.cost_nano_usd is None for row in settled)
    assert sum(row.estimated for row in used) == sum(row.tokens_estimated for row in settled)
    sums = {name: sum(getattr(row, name) or 0 for row in settled) for name in _SUMS}
    assert {name: sum(getattr(row, name) for row in used) for name in _SUMS} == sums
    assert _all(database, reservations) == []
    spans = _all(database, budget_spans)
    # A budget that is removed while a call holds some of it leaves a span of nobody with a negative reservation:
    # settling does not look whether the budget is still there. What counts is that no budget's own span is held.
    standing = {row.id for row in _all(database, budgets)}
    assert [span for span in spans if span.reserved and span.budget_id in standing] == []
    expected = {
        "requests": len(settled),
        "tokens": sums["tokens_in"] + sums["tokens_out"],
        "cost_usd": sums["cost_nano_usd"],
    }
    spent = {span.budget_id: span.spent for span in spans}
    totals = [row for row in _all(database, budgets) if row.period == "total"]
    assert {(row.scope, row.scope_id) for row in totals} == {("project", PROJECT), ("key", home.key_id)}
    assert [(row.measure, spent[row.id]) for row in totals if spent[row.id] != expected[row.measure]] == []
    for one in exchanges:
        if one.status == 200 and _is_paid(one) and not one.route.startswith("DELETE"):
            (row,) = record.by_request[one.request_id]
            assert row.tokens_in is not None, one
            assert not (one.complete and row in record.lost), one
            _check_usage_told(one, row)


def _is_paid(one: Exchange) -> bool:
    return one.route.partition(" ")[2].startswith(_PAID) and one.route not in _FREE


def _check_usage_told(one: Exchange, row: Row) -> None:
    """What a client was told that its call took is what is on the ledger."""
    if not one.complete or not one.body.startswith(b"{"):
        return
    told = one.json()
    if "usage" in told:
        usage = told["usage"]  # in the spelling of chat completions, or of Responses and Messages
        tokens_in = usage["prompt_tokens"] if "prompt_tokens" in usage else usage["input_tokens"]
        tokens = tokens_in, usage.get("completion_tokens", usage.get("output_tokens", 0))
    else:
        tokens = told["tokens"]["input"], told["tokens"]["output"]
        assert round((told["cost_usd"] or 0) * NANO) == row.cost_nano_usd
    assert tokens == (row.tokens_in, row.tokens_out)


def check_upstream_is_paid(record: Ledger, exchanges: Sequence[Exchange], seen: Sequence[dict[str, Any]]) -> None:
    """A call that reached the model is charged, whatever became of its process."""
    texts = [json.dumps(body) for body in seen]
    paid = {one.request_id for one in exchanges if _is_paid(one)}
    words = {word for text in texts for word in re.findall(r"[a-z_]+-\d+", text)}
    reached = paid & words
    assert len(reached) > len(texts) * 0.9, "the model is asked with the ids of the requests"
    assert [name for name in reached if not any(row.tokens_in for row in record.by_request.get(name, []))] == []


def check_traces(record: Ledger, exchanges: Sequence[Exchange]) -> None:
    """Each call of a tool that a research has told of is the row of the ledger that it names."""
    hashes = {row.seq: row.hash for row in record.rows}
    for one in exchanges:
        if one.succeeded and one.body.startswith(b"{") and "research" in one.route:
            trace = one.json()["audit_trace"]
            assert trace
            assert [step for step in trace if hashes.get(step["seq"]) != step["hash"]] == []


def check_aws_requests(database: Database, record: Ledger) -> None:
    """Every request to AWS that is on the ledger is counted against the day's limit."""
    told = [json.loads(row.details).get("costs", {}).get("requests", 0) for row in record.rows]
    assert 0 < sum(told) <= sum(row.requests for row in _all(database, aws_cost_requests))


def _all(database: Database, table: Table) -> list[Row]:
    with database.read() as connection:
        return list(connection.execute(select(table)).all())
