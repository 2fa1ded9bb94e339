"""Researches a topic: policy, budget, steps, ledger, answer. HTTP is in `endpoints`, the steps in `run`."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from guard_core.days import from_microseconds, now_us
from guard_core.settings import Settings
from guard_core.units import NANO
from guard_store.db.database import Database
from guard_store.ledger.entry import LedgerRow
from guard_store.ledger.store import LedgerFilter, LedgerStore
from guard_store.research.steps import ResearchStep, ResearchStepStore
from guard_store.retention.sweeps import sweep_research
from guard_store.spending.amounts import Amount
from ml.knowledge.quotes import find_quote
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.query.schemas import Tokens
from serving.assistant.query.service import EXTRACTIVE
from serving.assistant.research.run import MAX_CALLS, OnStep, Run
from serving.assistant.research.schemas import (
    RISK_CHECK,
    FindingView,
    QuoteView,
    ResearchAnswer,
    ResearchRequest,
    RiskView,
    SourceView,
    TraceView,
)
from serving.assistant.research.tools import ResearchTools
from serving.assistant.tools.arguments import canonical
from serving.assistant.tools.executor import METHOD, ToolResult
from serving.assistant.tools.policy import ToolContext
from serving.assistant.tools.service import ToolService
from serving.audit.context import RequestContext
from serving.audit.entry import AuditEntry
from serving.gateway.calls.call import Call, CallRequest
from serving.gateway.calls.gateway import Gateway
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.calls.tokens import estimate
from serving.gateway.policy.book import PolicyBook

_MAX_TRACE_ROWS = 500


Render: TypeAlias = Callable[[ResearchAnswer], bytes]
"""Renders an answer as the last bytes of the response."""


class ResearchService:
    """Researches topics."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        gateway: Gateway,
        policies: PolicyBook,
        knowledge: KnowledgeService,
        calls: ToolService,
        tools: ResearchTools,
        ledger: LedgerStore,
    ) -> None:
        self._settings = settings
        self._database = database
        self._gateway = gateway
        self._policies = policies
        self._knowledge = knowledge
        self._calls = calls
        self.tools = tools
        self._ledger = ledger
        self.steps = ResearchStepStore(database)

    async def start(self) -> None:
        """Delete stored inputs older than their retention."""
        await asyncio.to_thread(sweep_research, self._database, self._settings)

    async def stop(self) -> None:
        """Do nothing: there are no background tasks."""

    async def research(
        self, request: ResearchRequest, context: RequestContext, on_step: OnStep, render: Render
    ) -> bytes:
        """Research a topic; return the rendered answer once its call is settled.

        Parameters
        ----------
        on_step : called at the start and the end of each step.

        Raises
        ------
        Problem
            If policy, budget or settings do not allow it, or a tool that it depends on fails.
        """
        session = PolicySession(self._policies.of(context.project_id), context.route, context.entry)
        topic = session.request(request.topic)
        tool_context = await self._calls.context(context.principal, context.project_id, context.request_id)
        run = Run(self._calls.executor, self.tools, self._knowledge, tool_context, session, topic)
        async with self._gateway.call(self._call_request(tool_context, topic), context) as call:
            try:
                for step in request.steps:
                    await _run_step(step, run, on_step)
                risk = await _run_step(RISK_CHECK, run, on_step)
            finally:
                if run.calls:  # calls before an error have a cost too
                    usage = self._record_usage(call, run, topic)
            version = self._knowledge.state().version
            await self._store_steps(run, context, version)
            answer = ResearchAnswer(
                findings=(findings := list(_findings(run, session))),
                sources=_sources(run, findings),
                audit_trace=await self._trace(run, context),
                request_id=context.request_id,
                risk=RiskView.model_validate(risk),
                tokens=Tokens.of(usage),
                cost_usd=None if usage.cost_nano_usd is None else usage.cost_nano_usd / NANO,
                model=EXTRACTIVE if run.model_usage is None else run.model_usage[1],
                prompt=None if run.model_usage is None else self.tools.prompt.id,
                retrieval=run.retrieval,
                knowledge_version=version,
                dropped={} if run.summary is None else run.summary["dropped"],
                flags=[flag for flag in session.flags.split(",") if flag],
            )
            self._note(context.entry, request, run, answer)
            body = render(answer)
            await call.settle("blocked" if run.withheld else "ok", body)
            return body

    def _call_request(self, context: ToolContext, topic: str) -> CallRequest:
        model = self.tools.model
        hints = self.tools.prompt.model_hints
        costs = (
            tool.policy.under(context.settings.rule(name)).cost_nano_usd * MAX_CALLS.get(name, 1)
            for name, tool in self._calls.executor.tools.items()
        )
        return CallRequest(
            model=model or EXTRACTIVE,
            tokens_in=self.tools.max_tokens_in(topic) if model else estimate(len(topic.encode())),
            tokens_out=int(hints.get("max_tokens", self._settings.llm.max_tokens)) if model else 0,
            without_upstream=model is None,
            tools_nano_usd=sum(costs),
        )

    def _record_usage(self, call: Call, run: Run, topic: str) -> Amount:
        tools = sum(result.cost_nano_usd for _, result in run.calls)
        if run.model_usage is not None:
            usage, model, base_url = run.model_usage
            return call.record_usage(usage, model, base_url, tools_nano_usd=tools)
        size = sum(len(finding["text"].encode()) for finding in (run.summary or {}).get("findings", ()))
        usage = Amount(tokens_in=estimate(len(topic.encode())), tokens_out=estimate(size), estimated=True)
        return call.record_usage(usage, EXTRACTIVE, None, tools_nano_usd=tools)

    async def _store_steps(self, run: Run, context: RequestContext, version: int | None) -> None:
        """Store the inputs of successful calls for a replay."""
        if not self._settings.retention.research_days:
            return
        made_us = now_us()
        steps = [
            ResearchStep(
                call_id=result.call_id,
                request_id=context.request_id,
                place=place,
                project_id=context.project_id,
                key_id=context.principal.key_id,
                tool=result.tool,
                input=canonical(result.arguments).decode(),
                input_hash=result.arguments_hash,
                output_hash=result.result_hash,
                knowledge_version=version,
                made_us=made_us,
            )
            for place, (_, result) in enumerate(run.calls)
            if result.result_hash is not None
        ]
        await asyncio.to_thread(self.steps.add, steps)

    async def _trace(self, run: Run, context: RequestContext) -> list[TraceView]:
        """Return the calls with their rows of the ledger."""
        row_filter = LedgerFilter(request_id=context.request_id)
        rows = await asyncio.to_thread(self._ledger.page, row_filter, None, _MAX_TRACE_ROWS)
        by_call = {json.loads(row.details)["call_id"]: row for row in rows if row.method == METHOD}
        return [_trace_view(step, result, by_call[result.call_id]) for step, result in run.calls]

    def _note(self, entry: AuditEntry, request: ResearchRequest, run: Run, answer: ResearchAnswer) -> None:
        if run.model_usage is not None:
            prompt = self.tools.prompt
            entry.note(prompt=prompt.id, prompt_hash=prompt.hash)
        entry.details.update(
            steps=list(request.steps),
            tool_calls=len(run.calls),
            findings=len(answer.findings),
            dropped=answer.dropped,
            risk=answer.risk.level,
            risk_score=answer.risk.score,
            retrieval=answer.retrieval,
            knowledge_version=answer.knowledge_version,
        )


async def _run_step(step: str, run: Run, on_step: OnStep) -> Any:
    await on_step({"step": step, "state": "started"})
    before = len(run.calls)
    result = await getattr(run, step)()
    calls = [
        {"tool": result.tool, "outcome": result.outcome, "latency_ms": result.latency_ms}
        for _, result in run.calls[before:]
    ]
    await on_step({"step": step, "state": "done", "calls": calls})
    return result


def _findings(run: Run, session: PolicySession) -> "list[FindingView]":
    views = []
    for finding in [] if run.summary is None or run.withheld else run.summary["findings"]:
        text = session.response(finding["text"])
        if text:
            quotes = [_quote(run, quote, session) for quote in finding["quotes"]]
            views.append(FindingView(text=text, sources=run.sources_of(finding), quotes=quotes))
    return views


def _quote(run: Run, quote: Mapping[str, Any], session: PolicySession) -> QuoteView:
    passage = run.read[quote["passage"]]
    shown = session.response(quote["text"])
    return QuoteView(
        source=passage.source,
        chunk_id=passage.chunk_id,
        section=passage.section,
        page=passage.page,
        text=shown,
        verified=find_quote(shown, passage.text) == shown,
    )


def _sources(run: Run, findings: "list[FindingView]") -> list[SourceView]:
    used = {name for finding in findings for name in finding.sources}
    read = [passage.source for passage in run.material.passages.values()]
    return [
        SourceView(
            source=source.name,
            title=source.title,
            kind=source.kind,
            passages=read.count(source.name),
            used=source.name in used,
            note=source.note,
        )
        for source in run.material.sources.values()
    ]


def _trace_view(step: str, result: ToolResult, row: LedgerRow) -> TraceView:
    details = json.loads(row.details)
    return TraceView(
        step=step,
        call_id=result.call_id,
        tool=result.tool,
        arguments=details["arguments"],
        outcome=result.outcome,
        rule=result.rule,
        reason=details.get("reason"),
        latency_ms=result.latency_ms,
        result_hash=result.result_hash,
        cost_usd=result.cost_nano_usd / NANO,
        at=from_microseconds(row.at_us),
        seq=row.seq,
        hash=row.hash,
    )
