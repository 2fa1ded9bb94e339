"""A research once more, from what was kept of it: each step is taken with its own input, and the first that differs is named.

Nothing is asked of a model again: what it said is an input of the step that holds it against the passages.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal

from guard_store.db.database import Database
from guard_store.ledger.entry import Entry, LedgerRow
from guard_store.ledger.store import LedgerFilter, LedgerStore
from guard_store.research.steps import ResearchStep, ResearchStepStore
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.tools.arguments import digest
from serving.assistant.tools.executor import METHOD, ToolExecutor
from serving.assistant.tools.policy import ToolContext
from serving.assistant.tools.service import ToolService
from serving.auth.principal import Principal
from serving.http.problems import Problem

NOT_AGAIN: Final = frozenset({"ask_model"})
"""Tools that are not called again."""

State = Literal["same", "differs", "skipped"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """One step, taken again; `why` says what differs, or why it was not taken."""

    step: ResearchStep
    state: State
    why: str = ""


@asynccontextmanager
async def _open_knowledge(knowledge: KnowledgeService) -> AsyncIterator[int | None]:
    """The knowledge base, open; its version."""
    await knowledge.start()
    try:
        await knowledge.search("version", 1)
        yield knowledge.state().version
    finally:
        await knowledge.stop()


async def replay(
    knowledge: KnowledgeService, tools: ToolService, database: Database, request_id: str
) -> tuple[list[Replayed], int | None]:
    """Take the steps of a research again, up to the first that differs; none where nothing is kept of it.

    Returns
    -------
    The steps, and the version of the knowledge base now.
    """
    kept = await asyncio.to_thread(ResearchStepStore(database).of, request_id)
    if not kept:
        return [], None
    ledger = LedgerStore(database, None)
    on_ledger = await asyncio.to_thread(_on_ledger, ledger, request_id)

    async def write(entry: Entry) -> None:
        await asyncio.to_thread(ledger.append, [entry])

    executor = ToolExecutor(tools.executor.tools, write)
    admin = Principal("cli", "admin", None)
    context = await tools.context(admin, kept[0].project_id, f"replay:{request_id}"[:128])
    done: list[Replayed] = []
    async with _open_knowledge(knowledge) as version:
        for step in kept:
            done.append(await _again(step, executor, context, on_ledger.get(step.call_id)))
            if done[-1].state == "differs":
                break
    return done, version


async def _again(step: ResearchStep, executor: ToolExecutor, context: ToolContext, row: LedgerRow | None) -> Replayed:
    if digest(json.loads(step.input)) != step.input_hash:
        why = "the kept input is not what its hash says"
    elif row is not None and (row.request_hash, row.response_hash) != (step.input_hash, step.output_hash):
        why = "the ledger has other hashes of this call than what was kept"
    elif step.tool in NOT_AGAIN:
        return Replayed(step, "skipped", "a model is not asked again: what it said is kept with the next step")
    else:
        why = await _difference(step, executor, context)
    return Replayed(step, "differs" if why else "same", why)


async def _difference(step: ResearchStep, executor: ToolExecutor, context: ToolContext) -> str:
    """What is not as it was when the step is taken again; empty where all is."""
    try:
        called = await executor.call(step.tool, json.loads(step.input), context)
    except Problem as problem:
        return problem.detail
    if called.outcome != "ok":
        return f"{called.outcome}: {called.reason}"
    if called.result_hash != step.output_hash:
        return f"the result is {called.result_hash}, was {step.output_hash}"
    return ""


def _on_ledger(ledger: LedgerStore, request_id: str) -> dict[str, LedgerRow]:
    rows = ledger.all_rows(LedgerFilter(request_id=request_id))
    return {json.loads(row.details)["call_id"]: row for row in rows if row.method == METHOD}
