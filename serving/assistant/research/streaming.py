"""A research as server-sent events: `step` for each step, then `result`."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import anyio

from serving.assistant.research.schemas import ResearchAnswer, ResearchRequest
from serving.assistant.research.service import ResearchService
from serving.audit.context import RequestContext
from serving.http.server_sent_events import format_event


async def research_events(
    service: ResearchService, request: ResearchRequest, context: RequestContext
) -> AsyncGenerator[bytes]:
    """Yield the events of a research; closing the generator cancels the research and settles its usage.

    Raises
    ------
    Problem
        As `ResearchService.research`.
    """
    events: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def on_step(step: Mapping[str, Any]) -> None:
        await events.put(format_event(step, "step"))

    task = asyncio.create_task(service.research(request, context, on_step, _result_event))
    task.add_done_callback(lambda _: events.put_nowait(None))
    try:
        while (event := await events.get()) is not None:
            yield event
        yield task.result()
    finally:
        task.cancel()
        with anyio.CancelScope(shield=True):  # its call is settled before the request ends
            await asyncio.gather(task, return_exceptions=True)


def _result_event(answer: ResearchAnswer) -> bytes:
    return format_event(answer.model_dump_json().encode(), "result")
