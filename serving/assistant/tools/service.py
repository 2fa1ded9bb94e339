"""The routes of tools: lists our tools, checks calls of other agents, and records their outcomes."""

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
from serving.assistant.tools.arguments import digest, shorten
from serving.assistant.tools.executor import ToolExecutor
from serving.assistant.tools.policy import Decision, ToolContext
from serving.assistant.tools.schemas import CheckRequest, CheckView, Reason, RecordRequest, RecordView, ToolView
from serving.audit.entry import AuditEntry
from serving.auth.principal import Principal
from serving.gateway.policy.book import PolicyBook
from serving.http.problems import Conflict, NotFound
from serving.http.unknown_names import unknown_project

_RAN = frozenset({"ok", "error", "timeout"})


class ToolService:
    """Lists tools, checks calls, records outcomes."""

    def __init__(self, database: Database, policies: PolicyBook, executor: ToolExecutor) -> None:
        self._projects = ProjectStore(database)
        self._policies = policies
        self.executor = executor
        self.calls = ToolCallStore(database)

    async def context(self, principal: Principal, project_id: str | None, request_id: str) -> ToolContext:
        """Return the rules that apply to a caller.

        Raises
        ------
        Forbidden
            If the key belongs to another project, or its role may not call any tool.
        NotFound
            If there is no such project.
        """
        principal.require("analyst", project_id)
        settings = ToolSettings()
        if project_id is not None:
            project = await asyncio.to_thread(self._projects.get, project_id)
            if project is None:
                raise await asyncio.to_thread(unknown_project, self._projects, project_id)
            settings = settings_of_project(project.settings, ToolSettings)
        return ToolContext(principal, project_id, request_id, self._policies.of(project_id), settings)

    def tools(self, context: ToolContext) -> list[ToolView]:
        """Return our tools, with the limits for this caller."""
        return [
            ToolView.of(
                tool,
                policy := tool.policy.under(context.settings.rule(name)),
                allowed=not context.settings.denies(name) and context.principal.has_role(policy.role),
            )
            for name, tool in self.executor.tools.items()
        ]

    async def check(self, request: CheckRequest, context: ToolContext, record: AuditEntry) -> CheckView:
        """Decide about a call, and store the decision.

        Raises
        ------
        Conflict
            If the call's id was used for another call.
        """
        decision = self.executor.decide(request.tool, request.arguments, context)
        call = ToolCall(
            key_id=context.principal.key_id or "",
            call_id=request.call_id or uuid.uuid4().hex,
            project_id=context.project_id,
            tool=request.tool,
            arguments_hash=decision.hash,
            allowed=decision.rule is None,
            rule=decision.rule,
            reason=decision.reason,
            checked_us=now_us(),
        )
        stored = await asyncio.to_thread(self.calls.add, call)
        if (stored.tool, stored.arguments_hash, stored.project_id) != (call.tool, call.arguments_hash, call.project_id):
            raise Conflict(f"The call {call.call_id!r} was checked before, with another tool or other arguments.")
        _note_check(record, stored, decision)
        metrics.count_call(None, "allowed" if stored.allowed else "denied", None)
        return CheckView(
            call_id=stored.call_id,
            decision="allow" if stored.allowed else "deny",
            reasons=[] if stored.rule is None else [Reason(rule=stored.rule, reason=stored.reason or "")],
            arguments=dict(decision.arguments),
            timeout_ms=round(decision.policy.timeout_s * 1000),
            output_bytes=decision.policy.output_bytes,
        )

    async def record(self, request: RecordRequest, principal: Principal, record: AuditEntry) -> RecordView:
        """Store the outcome of a call; recording the same outcome again changes nothing.

        Raises
        ------
        NotFound
            If this key has not checked the call.
        Conflict
            If another outcome was recorded before.
        """
        principal.require("analyst")
        key_id = principal.key_id or ""
        result_hash = request.result_hash
        if result_hash is None and "result" in request.model_fields_set:
            result_hash = digest(request.result)
        latency_us = round(request.latency_ms * 1000)
        call = await asyncio.to_thread(self.calls.get, key_id, request.call_id)
        if call is None:
            record.details.update(call_id=request.call_id, unchecked=True)
            record.note(compliance_flag=True, flags="tool.unchecked")
            raise NotFound(f"This key has not checked a call {request.call_id!r}: ask POST /api/v1/tools/check first.")
        new = await asyncio.to_thread(
            self.calls.record_outcome, key_id, request.call_id, request.outcome, latency_us, result_hash, now_us()
        )
        if not new:
            call = await asyncio.to_thread(self.calls.get, key_id, request.call_id) or call
            if (call.outcome, call.latency_us, call.result_hash) != (request.outcome, latency_us, result_hash):
                raise Conflict(f"Another outcome of the call {request.call_id!r} was recorded before.")
        violation = not call.allowed and request.outcome in _RAN
        record.project_id = call.project_id
        _note_outcome(record, call, request, result_hash, violation=violation)
        return RecordView(
            call_id=request.call_id,
            status="recorded" if new else "duplicate",
            tool=call.tool,
            outcome=request.outcome,
            result_hash=result_hash,
            violation=violation,
        )


def _note_check(record: AuditEntry, call: ToolCall, decision: Decision) -> None:
    details: dict[str, Any] = {
        "call_id": call.call_id,
        "tool": call.tool,
        "arguments": shorten(decision.on_record),
        "arguments_hash": call.arguments_hash,
        "decision": "allow" if call.allowed else "deny",
    }
    if call.rule is not None:
        details["rule"] = call.rule
        record.note(compliance_flag=True, flags=call.rule)
    record.details.update(details)


def _note_outcome(
    record: AuditEntry, call: ToolCall, request: RecordRequest, result_hash: str | None, *, violation: bool
) -> None:
    record.details.update(
        call_id=call.call_id,
        tool=call.tool,
        outcome=request.outcome,
        latency_ms=request.latency_ms,
        result_hash=result_hash,
        violation=violation,
    )
    if violation:
        record.note(compliance_flag=True, flags="tool.ran_though_denied")
