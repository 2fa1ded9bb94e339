"""A research on its way: policy, budget, steps, ledger, answer. HTTP is `endpoints`, the steps are `run`."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
from serving.assistant.research.run import MOST_CALLS, Run, Tell
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
from serving.assistant.tools.executor import METHOD, Called
from serving.assistant.tools.policy import Asking
from serving.assistant.tools.service import ToolService
from serving.audit.record import Record
from serving.auth.principal import Principal
from serving.gateway.calls.gateway import Asked, Call, Gate
from serving.gateway.calls.policy_session import Judging
from serving.gateway.calls.tokens import estimate
from serving.gateway.policy.book import PolicyBook

_TRACED_MOST = 500


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, for which project, on which route."""

    route: str
    request_id: str
    principal: Principal
    project_id: str | None
    record: Record


class ResearchService:
    """Researches topics."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        gate: Gate,
        policies: PolicyBook,
        knowledge: KnowledgeService,
        calls: ToolService,
        tools: ResearchTools,
        ledger: LedgerStore,
    ) -> None:
        self._settings = settings
        self._database = database
        self._gate = gate
        self._policies = policies
        self._knowledge = knowledge
        self._calls = calls
        self.tools = tools
        self._ledger = ledger
        self.steps = ResearchStepStore(database)

    async def start(self) -> None:
        """Forget what is too old."""
        await asyncio.to_thread(sweep_research, self._database, self._settings)

    async def stop(self) -> None:
        """Nothing runs on."""

    async def research(self, request: ResearchRequest, asker: Asker, tell: Tell) -> ResearchAnswer:
        """Research a topic.

        Parameters
        ----------
        tell : hears of each step.

        Raises
        ------
        Problem
            Where policy, budget or settings do not allow it, or a tool that it cannot do without fails.
        """
        judging = Judging(self._policies.of(asker.project_id), asker.route, asker.record)
        topic = judging.request(request.topic)
        asking = await self._calls.asking(asker.principal, asker.project_id, asker.request_id)
        run = Run(self._calls.executor, self.tools, self._knowledge, asking, judging, topic)
        async with self._gate.call(self._asked(asker, asking, topic), asker.record) as call:
            try:
                for step in request.steps:
                    await _taken(step, run, tell)
                risk = await _taken(RISK_CHECK, run, tell)
            except BaseException:
                if run.calls:  # what was done until then has cost something
                    self._settle(call, run, topic, "error")
                raise
            took = self._settle(call, run, topic, "blocked" if run.withheld else "ok")
        version = self._knowledge.state().version
        await self._keep(run, asker, version)
        answer = ResearchAnswer(
            findings=(findings := list(_findings(run, judging))),
            sources=_sources(run, findings),
            audit_trace=await self._trace(run, asker),
            request_id=asker.request_id,
            risk=RiskView.model_validate(risk),
            tokens=Tokens(took.tokens_in, took.tokens_cached, took.tokens_out, took.tokens_reasoning, took.estimated),
            cost_usd=None if took.cost_nano_usd is None else took.cost_nano_usd / NANO,
            model=EXTRACTIVE if run.took is None else run.took[1],
            prompt=None if run.took is None else self.tools.prompt.id,
            retrieval=run.retrieval,
            knowledge_version=version,
            dropped={} if run.summary is None else run.summary["dropped"],
            flags=[flag for flag in judging.flags.split(",") if flag],
        )
        self._note(asker.record, request, run, answer)
        return answer

    def _asked(self, asker: Asker, asking: Asking, topic: str) -> Asked:
        model = self.tools.model
        hints = self.tools.prompt.model_hints
        costs = (
            tool.policy.under(asking.settings.rule(name)).cost_nano_usd * MOST_CALLS.get(name, 1)
            for name, tool in self._calls.executor.tools.items()
        )
        return Asked(
            route=asker.route,
            request_id=asker.request_id,
            principal=asker.principal,
            project_id=asker.project_id,
            end_user=None,
            model=model or EXTRACTIVE,
            tokens_in=self.tools.tokens_in_most(topic) if model else estimate(len(topic.encode())),
            tokens_out=int(hints.get("max_tokens", self._settings.llm.max_tokens)) if model else 0,
            free=model is None,
            tools_nano_usd=sum(costs),
        )

    def _settle(self, call: Call, run: Run, topic: str, outcome: str) -> Amount:
        tools = sum(called.cost_nano_usd for _, called in run.calls)
        if run.took is not None:
            took, model, base_url = run.took
            return call.settle(took, model, base_url, outcome, tools_nano_usd=tools)
        said = sum(len(finding["text"].encode()) for finding in (run.summary or {}).get("findings", ()))
        took = Amount(tokens_in=estimate(len(topic.encode())), tokens_out=estimate(said), estimated=True)
        return call.settle(took, EXTRACTIVE, None, outcome, tools_nano_usd=tools)

    async def _keep(self, run: Run, asker: Asker, version: int | None) -> None:
        """Keep the inputs of what has worked, so that it can be done again."""
        if not self._settings.retention.research_days:
            return
        made_us = now_us()
        steps = [
            ResearchStep(
                call_id=called.call_id,
                request_id=asker.request_id,
                place=place,
                project_id=asker.project_id,
                key_id=asker.principal.key_id,
                tool=called.tool,
                input=canonical(called.arguments).decode(),
                input_hash=called.arguments_hash,
                output_hash=called.result_hash,
                knowledge_version=version,
                made_us=made_us,
            )
            for place, (_, called) in enumerate(run.calls)
            if called.result_hash is not None
        ]
        await asyncio.to_thread(self.steps.add, steps)

    async def _trace(self, run: Run, asker: Asker) -> list[TraceView]:
        """The calls with the rows of the ledger that tell of them."""
        wanted = LedgerFilter(request_id=asker.request_id)
        rows = await asyncio.to_thread(self._ledger.page, wanted, None, _TRACED_MOST)
        by_call = {json.loads(row.details)["call_id"]: row for row in rows if row.method == METHOD}
        return [_traced(step, called, by_call[called.call_id]) for step, called in run.calls]

    def _note(self, record: Record, request: ResearchRequest, run: Run, answer: ResearchAnswer) -> None:
        if run.took is not None:
            prompt = self.tools.prompt
            record.note(prompt=prompt.id, prompt_hash=prompt.hash)
        record.details.update(
            steps=list(request.steps),
            tool_calls=len(run.calls),
            findings=len(answer.findings),
            dropped=answer.dropped,
            risk=answer.risk.level,
            risk_score=answer.risk.score,
            retrieval=answer.retrieval,
            knowledge_version=answer.knowledge_version,
        )


async def _taken(step: str, run: Run, tell: Tell) -> Any:
    await tell({"step": step, "state": "started"})
    before = len(run.calls)
    done = await getattr(run, step)()
    calls = [
        {"tool": called.tool, "outcome": called.outcome, "latency_ms": called.latency_ms}
        for _, called in run.calls[before:]
    ]
    await tell({"step": step, "state": "done", "calls": calls})
    return done


def _findings(run: Run, judging: Judging) -> "list[FindingView]":
    found = []
    for finding in [] if run.summary is None or run.withheld else run.summary["findings"]:
        text = judging.response(finding["text"])
        if text:
            quotes = [_quote(run, quote, judging) for quote in finding["quotes"]]
            found.append(FindingView(text=text, sources=run.sources_of(finding), quotes=quotes))
    return found


def _quote(run: Run, quote: Mapping[str, Any], judging: Judging) -> QuoteView:
    passage = run.read[quote["passage"]]
    shown = judging.response(quote["text"])
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


def _traced(step: str, called: Called, row: LedgerRow) -> TraceView:
    details = json.loads(row.details)
    return TraceView(
        step=step,
        call_id=called.call_id,
        tool=called.tool,
        arguments=details["arguments"],
        outcome=called.outcome,
        rule=called.rule,
        reason=details.get("reason"),
        latency_ms=called.latency_ms,
        result_hash=called.result_hash,
        cost_usd=called.cost_nano_usd / NANO,
        at=from_microseconds(row.at_us),
        seq=row.seq,
        hash=row.hash,
    )
