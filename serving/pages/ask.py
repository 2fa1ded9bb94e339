"""Questions to the knowledge base and research, asked from a page: the same policy, budget and ledger as by API."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from starlette.responses import HTMLResponse

from guard_core.formats import count
from ml.charts.spans import Span, span_chart
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.query.endpoints import Query, context_of
from serving.assistant.query.schemas import QueryAnswer, QueryRequest
from serving.assistant.research.endpoints import Research, ignore_step
from serving.assistant.research.endpoints import context_of as research_context_of
from serving.assistant.research.schemas import STEPS, ResearchAnswer, ResearchRequest
from serving.auth.security import Caller
from serving.http.dependencies import EntryDep, RequestId, part
from serving.http.routing import ANALYST, GUEST
from serving.pages.forms import validate_form, without_empty
from serving.pages.rendering import RendererDep
from serving.pages.routing import Form, page_router

router = page_router()
Knowledge = Annotated[KnowledgeService, Depends(part(KnowledgeService))]


@router.get("/ask", openapi_extra=GUEST)
async def show_form(request: Request, pages: RendererDep, knowledge: Knowledge) -> Response:
    """Show the forms."""
    return pages.page(request, "ask.html", **await _context(knowledge))


@router.post("/ask", openapi_extra=GUEST)
async def ask(
    request: Request,
    form: Form,
    caller: Caller,
    pages: RendererDep,
    knowledge: Knowledge,
    service: Query,
    entry: EntryDep,
    request_id: RequestId,
) -> Response:
    """Answer a question, with citations that unfold."""
    body = validate_form(QueryRequest, without_empty({name: form.get(name) for name in ("question", "project_id")}))
    context = await _context(knowledge)

    def render(answer: QueryAnswer) -> bytes:
        page = pages.page(
            request,
            "ask.html",
            **{
                **context,
                "headline": _headline(answer),
                "question": body.question,
                "project_id": body.project_id,
                "answer": answer,
                "trace": span_chart("Trace of the answer", _spans(answer)),
            },
        )
        return bytes(page.body)

    return HTMLResponse(await service.answer(body, context_of(body, request, caller, entry, request_id), render))


@router.post("/ask/research", openapi_extra=ANALYST)
async def research(
    request: Request,
    form: Form,
    caller: Caller,
    pages: RendererDep,
    knowledge: Knowledge,
    service: Research,
    entry: EntryDep,
    request_id: RequestId,
) -> Response:
    """Research a topic, with the trace of its tool calls."""
    steps = [step for step in STEPS if form.get(step) or step == STEPS[0]]
    fields = {"topic": form.get("topic"), "steps": steps, "project_id": form.get("project_id")}
    body = validate_form(ResearchRequest, without_empty(fields))
    context = await _context(knowledge)

    def render(answer: ResearchAnswer) -> bytes:
        headline = f"{count(len(answer.findings), 'finding')}; the risk of trusting them is {answer.risk.level}"
        page = pages.page(
            request,
            "ask.html",
            **{
                **context,
                "headline": headline,
                "topic": body.topic,
                "steps": steps,
                "project_id": body.project_id,
                "research": answer,
                "trace": span_chart("Trace of the research", _tool_spans(answer)),
            },
        )
        return bytes(page.body)

    prepared = research_context_of(body, request, caller, entry, request_id)
    return HTMLResponse(await service.research(body, prepared, ignore_step, render))


async def _context(knowledge: KnowledgeService) -> dict[str, Any]:
    """Return what the page shows before anything is asked."""
    sources = await knowledge.sources()
    return {
        "headline": "Ask the knowledge base" if sources else "The knowledge base is empty",
        "sources": sources,
        "state": knowledge.state(),
        "question": "",
        "topic": "",
        "steps": STEPS,
        "all_steps": STEPS,
        "project_id": None,
        "answer": None,
        "research": None,
    }


def _headline(answer: QueryAnswer) -> str:
    if answer.declined:
        return "The sources do not answer this"
    if not answer.answer:
        return "The content policy withholds the answer"
    number = len({citation.source for citation in answer.citations})
    return f"Answered from {count(number, 'source')}" if number else "Answered without a source"


def _spans(answer: QueryAnswer) -> Sequence[Span]:
    timings = answer.timings
    return [
        Span("search", 0, timings.search_ms, f"{answer.retrieval} retrieval"),
        Span(answer.model[:20], timings.search_ms, timings.answer_ms, f"{answer.tokens.output} tokens", "part-2"),
    ]


def _tool_spans(answer: ResearchAnswer) -> Sequence[Span]:
    """Return the tool calls; the ledger has the instant at which each ended."""
    if not answer.audit_trace:
        return []
    ends = [1000 * call.at.timestamp() for call in answer.audit_trace]
    first = min(end - call.latency_ms for end, call in zip(ends, answer.audit_trace, strict=True))
    return [
        Span(
            call.tool,
            max(0.0, end - call.latency_ms - first),
            call.latency_ms,
            call.reason or call.outcome,
            "part-0" if call.outcome == "ok" else "bad",
            f"#{call.call_id}",
        )
        for end, call in zip(ends, answer.audit_trace, strict=True)
    ]
