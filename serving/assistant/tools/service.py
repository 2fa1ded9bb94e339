"""Tools for whoever asks: ours through the executor, other people's decided here and recorded when they tell how it went."""

import asyncio
import uuid
from typing import Any

from guard_core.days import now_us
from guard_core.project_settings.project import settings_of_project
from guard_core.project_settings.tools import ToolSettings
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from guard_store.research.tool_calls import ToolCall, ToolCallStore
from serving.assistant.tools import metrics
from serving.assistant.tools.arguments import digest, shortened
from serving.assistant.tools.executor import ToolExecutor
from serving.assistant.tools.policy import Decision, ToolContext
from serving.assistant.tools.schemas import CheckRequest, CheckView, Reason, RecordRequest, RecordView, ToolView
from serving.audit.entry import AuditEntry
from serving.auth.principal import Principal
from serving.gateway.policy.book import PolicyBook
from serving.http.problems import Conflict, NotFound

_RAN = frozenset({"ok", "error", "timeout"})


class ToolService:
    """What the routes of tools do."""

    def __init__(self, database: Database, policies: PolicyBook, executor: ToolExecutor) -> None:
        self._projects = ProjectStore(database)
        self._policies = policies
        self.executor = executor
        self.calls = ToolCallStore(database)

    async def context(self, principal: Principal, project_id: str | None, request_id: str) -> ToolContext:
        """The rules that hold for a caller.

        Raises
        ------
        Forbidden
            Where the key is of another project, or its role is not enough for any tool.
        NotFound
            Where there is no such project.
        """
        principal.require("analyst", project_id)
        settings = ToolSettings()
        if project_id is not None:
            project = await asyncio.to_thread(self._projects.get, project_id)
            if project is None:
                raise NotFound(f"There is no project {project_id!r}.")
            settings = settings_of_project(project.settings, ToolSettings)
        return ToolContext(principal, project_id, request_id, self._policies.of(project_id), settings)

    def tools(self, context: ToolContext) -> list[ToolView]:
        """Our tools, as this caller may call them."""
        return [
            ToolView.of(
                tool,
                policy := tool.policy.under(context.settings.rule(name)),
                allowed=not context.settings.denies(name) and context.principal.has_role(policy.role),
            )
            for name, tool in self.executor.tools.items()
        ]

    async def check(self, asked: CheckRequest, context: ToolContext, record: AuditEntry) -> CheckView:
        """Decide about a call, and remember that it was asked about.

        Raises
        ------
        Conflict
            Where the call's id was used for another call.
        """
        decision = self.executor.decide(asked.tool, asked.arguments, context)
        call = ToolCall(
            key_id=context.principal.key_id or "",
            call_id=asked.call_id or uuid.uuid4().hex,
            project_id=context.project_id,
            tool=asked.tool,
            arguments_hash=decision.hash,
            allowed=decision.rule is None,
            rule=decision.rule,
            reason=decision.reason,
            checked_us=now_us(),
        )
        kept = await asyncio.to_thread(self.calls.add, call)
        if (kept.tool, kept.arguments_hash, kept.project_id) != (call.tool, call.arguments_hash, call.project_id):
            raise Conflict(f"The call {call.call_id!r} was asked about before, with another tool or other arguments.")
        _note_check(record, kept, decision)
        metrics.ended(None, "allowed" if kept.allowed else "denied", None)
        return CheckView(
            call_id=kept.call_id,
            decision="allow" if kept.allowed else "deny",
            reasons=[] if kept.rule is None else [Reason(rule=kept.rule, reason=kept.reason or "")],
            arguments=dict(decision.arguments),
            timeout_ms=round(decision.policy.timeout_s * 1000),
            output_bytes=decision.policy.output_bytes,
        )

    async def record(self, told: RecordRequest, principal: Principal, record: AuditEntry) -> RecordView:
        """Keep what became of a call; the same told again changes nothing.

        Raises
        ------
        NotFound
            Where this key has not asked about it.
        Conflict
            Where something else was told of it before.
        """
        principal.require("analyst")
        key_id = principal.key_id or ""
        result_hash = told.result_hash
        if result_hash is None and "result" in told.model_fields_set:
            result_hash = digest(told.result)
        latency_us = round(told.latency_ms * 1000)
        call = await asyncio.to_thread(self.calls.get, key_id, told.call_id)
        if call is None:
            record.details.update(call_id=told.call_id, unchecked=True)
            record.note(compliance_flag=True, flags="tool.unchecked")
            raise NotFound(f"This key has not checked a call {told.call_id!r}: ask POST /api/v1/tools/check first.")
        new = await asyncio.to_thread(
            self.calls.record_outcome, key_id, told.call_id, told.outcome, latency_us, result_hash, now_us()
        )
        if not new:
            call = await asyncio.to_thread(self.calls.get, key_id, told.call_id) or call
            if (call.outcome, call.latency_us, call.result_hash) != (told.outcome, latency_us, result_hash):
                raise Conflict(f"The outcome of the call {told.call_id!r} was told before, and was another one.")
        violation = not call.allowed and told.outcome in _RAN
        record.project_id = call.project_id
        _note_outcome(record, call, told, result_hash, violation=violation)
        return RecordView(
            call_id=told.call_id,
            status="recorded" if new else "duplicate",
            tool=call.tool,
            outcome=told.outcome,
            result_hash=result_hash,
            violation=violation,
        )


def _note_check(record: AuditEntry, call: ToolCall, decision: Decision) -> None:
    details: dict[str, Any] = {
        "call_id": call.call_id,
        "tool": call.tool,
        "arguments": shortened(decision.on_record),
        "arguments_hash": call.arguments_hash,
        "decision": "allow" if call.allowed else "deny",
    }
    if call.rule is not None:
        details["rule"] = call.rule
        record.note(compliance_flag=True, flags=call.rule)
    record.details.update(details)


def _note_outcome(
    record: AuditEntry, call: ToolCall, told: RecordRequest, result_hash: str | None, *, violation: bool
) -> None:
    record.details.update(
        call_id=call.call_id,
        tool=call.tool,
        outcome=told.outcome,
        latency_ms=told.latency_ms,
        result_hash=result_hash,
        violation=violation,
    )
    if violation:
        record.note(compliance_flag=True, flags="tool.ran_though_denied")
