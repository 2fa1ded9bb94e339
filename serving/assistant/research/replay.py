"""Repeats a research from its stored steps: each runs with its stored input, up to the first with a different result.

Models are not called again: the text of a model is an input of the step that verifies it against the passages.
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

NOT_REPEATED: Final = frozenset({"ask_model"})
"""Tools that a replay skips."""

State = Literal["same", "differs", "skipped"]


@dataclass(frozen=True, slots=True)
class StepReplay:
    """The replay of one step; `why` is what differs, or why the step was skipped."""

    step: ResearchStep
    state: State
    why: str = ""


@asynccontextmanager
async def _open_knowledge(knowledge: KnowledgeService) -> AsyncIterator[int | None]:
    """Start the knowledge base, and yield its version once it is loaded."""
    await knowledge.start()
    try:
        await knowledge.search("version", 1)
        yield knowledge.state().version
    finally:
        await knowledge.stop()


async def replay(
    knowledge: KnowledgeService, tools: ToolService, database: Database, request_id: str
) -> tuple[list[StepReplay], int | None]:
    """Repeat the steps of a research up to the first that differs; no steps if none are stored.

    Returns
    -------
    The replayed steps, and the present version of the knowledge base.
    """
    steps = await asyncio.to_thread(ResearchStepStore(database).of, request_id)
    if not steps:
        return [], None
    ledger = LedgerStore(database, None)
    rows = await asyncio.to_thread(_tool_rows, ledger, request_id)

    async def write(entry: Entry) -> None:
        await asyncio.to_thread(ledger.append, [entry])

    executor = ToolExecutor(tools.executor.tools, write)
    admin = Principal("cli", "admin", None)
    context = await tools.context(admin, steps[0].project_id, f"replay:{request_id}"[:128])
    replays: list[StepReplay] = []
    async with _open_knowledge(knowledge) as version:
        for step in steps:
            replays.append(await _repeat(step, executor, context, rows.get(step.call_id)))
            if replays[-1].state == "differs":
                break
    return replays, version


async def _repeat(
    step: ResearchStep, executor: ToolExecutor, context: ToolContext, row: LedgerRow | None
) -> StepReplay:
    if digest(json.loads(step.input)) != step.input_hash:
        why = "the stored input does not match its hash"
    elif row is not None and (row.request_hash, row.response_hash) != (step.input_hash, step.output_hash):
        why = "the ledger has other hashes of this call than the stored step"
    elif step.tool in NOT_REPEATED:
        return StepReplay(step, "skipped", "models are not called again: the model's text is stored with the next step")
    else:
        why = await _describe_difference(step, executor, context)
    return StepReplay(step, "differs" if why else "same", why)


async def _describe_difference(step: ResearchStep, executor: ToolExecutor, context: ToolContext) -> str:
    """Run a step again and describe how its result differs; empty if it does not."""
    try:
        result = await executor.call(step.tool, json.loads(step.input), context)
    except Problem as problem:
        return problem.detail
    if result.outcome != "ok":
        return f"{result.outcome}: {result.reason}"
    if result.result_hash != step.output_hash:
        return f"the result is {result.result_hash}, was {step.output_hash}"
    return ""


def _tool_rows(ledger: LedgerStore, request_id: str) -> dict[str, LedgerRow]:
    rows = ledger.all_rows(LedgerFilter(request_id=request_id))
    return {json.loads(row.details)["call_id"]: row for row in rows if row.method == METHOD}
