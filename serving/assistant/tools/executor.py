"""Executes tool calls: each is decided first, run under its limits, and written to the ledger before its result is returned.

Tools are registered elsewhere; the decision is in `policy`.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import msgspec

from guard_core.days import now_us
from guard_core.units import NANO
from guard_store.ledger.entry import Entry
from serving.assistant.tools import metrics
from serving.assistant.tools.arguments import canonical, digest, shorten
from serving.assistant.tools.errors import DeniedError, ToolError
from serving.assistant.tools.policy import Decision, Tool, ToolContext, decide
from serving.gateway.policy.vault import Vault
from serving.http.problems import Problem

_log = logging.getLogger(__name__)
_json = msgspec.json.Encoder().encode
Outcome = Literal["ok", "error", "timeout", "denied"]
Write: TypeAlias = Callable[[Entry], Awaitable[None]]
"""Appends an entry to the ledger; returns when it is durable."""

METHOD: Final = "TOOL"
_STATUS: Mapping[Outcome, int] = {"ok": 200, "denied": 403, "error": 502, "timeout": 504}
_SHOWN_REASON = 500


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool call.

    Attributes
    ----------
    arguments : as passed to the tool; `on_record` is their form in the ledger.
    result : JSON; None unless the outcome is `ok`.
    rule, reason : why the call was denied or failed; the rule only if it was denied.
    """

    call_id: str
    tool: str
    arguments: Mapping[str, Any]
    arguments_hash: str
    on_record: Mapping[str, Any]
    outcome: Outcome
    latency_ms: float
    result: Any = None
    result_hash: str | None = None
    rule: str | None = None
    reason: str | None = None
    cost_nano_usd: int = 0


@dataclass(frozen=True, slots=True)
class _End:
    """How a call ended; `raised` is re-raised to the caller once the call is in the ledger."""

    outcome: Outcome
    result: Any = None
    rule: str | None = None
    reason: str | None = None
    raised: BaseException | None = None


class ToolExecutor:
    """Calls registered tools.

    Parameters
    ----------
    write : appends each call to the ledger; if that fails, the call's result is not returned.
    """

    def __init__(self, tools: Mapping[str, Tool[Any]], write: Write) -> None:
        self.tools = tools
        self._write = write

    def decide(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> Decision:
        """Decide about a call that another agent will make."""
        return decide(name, self.tools.get(name), arguments, context, raw=True)

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """Call a tool; its outcome is in the ledger when this returns.

        Parameters
        ----------
        arguments : already checked by the content policy.

        Raises
        ------
        Unavailable
            If the call cannot be written to the ledger.
        Problem
            If the tool fails the whole request, for example because a budget is spent.
        """
        decision = decide(name, self.tools.get(name), arguments, context, raw=False)
        started = time.perf_counter()
        end = await self._run_to_end(name, decision, context)
        result = ToolResult(
            call_id=uuid.uuid4().hex,
            tool=name,
            arguments=decision.arguments,
            arguments_hash=decision.hash,
            on_record=shorten(decision.on_record),
            outcome=end.outcome,
            latency_ms=round((time.perf_counter() - started) * 1000, 3),
            result=end.result,
            result_hash=digest(end.result) if end.outcome == "ok" else None,
            rule=end.rule,
            reason=end.reason,
            cost_nano_usd=0 if end.outcome == "denied" else decision.policy.cost_nano_usd,
        )
        await asyncio.shield(asyncio.ensure_future(self._write(_entry(result, context))))
        seconds = None if end.outcome == "denied" else result.latency_ms / 1000
        metrics.count_call(name if name in self.tools else None, end.outcome, seconds)
        if end.raised is not None:
            raise end.raised
        return result

    async def _run_to_end(self, name: str, decision: Decision, context: ToolContext) -> "_End":
        try:
            return _End("ok", await self._run(name, decision, context))
        except DeniedError as error:
            return _End("denied", rule=error.rule, reason=error.reason)
        except TimeoutError:
            return _End("timeout", reason=f"It took more than {decision.policy.timeout_s:g} s.")
        except ToolError as error:
            return _End("error", reason=str(error))
        except Problem as error:
            return _End("error", reason=error.detail, raised=error)
        except asyncio.CancelledError as error:
            return _End("error", reason="It was cancelled: its caller disconnected.", raised=error)

    async def _run(self, name: str, decision: Decision, context: ToolContext) -> Any:
        """Run a tool under its limits; log an unexpected error as a bug and turn it into a `ToolError`."""
        if decision.rule is not None:
            raise DeniedError(decision.rule, decision.reason or "")
        tool = self.tools.get(name)
        if tool is None or decision.parsed is None:
            raise ToolError("This tool cannot be run here.")
        try:
            async with asyncio.timeout(decision.policy.timeout_s):
                result = await tool.run(decision.parsed, context)
        except (DeniedError, ToolError, TimeoutError, Problem):
            raise
        except Exception as error:
            _log.exception("the tool %s failed", name)
            raise ToolError(f"It failed ({type(error).__name__}); see the log.") from error
        if len(canonical(result)) > decision.policy.output_bytes:
            raise ToolError(f"Its result has more than {decision.policy.output_bytes} bytes.")
        return result


def _entry(result: ToolResult, context: ToolContext) -> Entry:
    details: dict[str, Any] = {
        "call_id": result.call_id,
        "tool": result.tool,
        "arguments": result.on_record,
        "outcome": result.outcome,
        "latency_ms": result.latency_ms,
        "cost_usd": result.cost_nano_usd / NANO,
    }
    if result.rule is not None:
        details["rule"] = result.rule
    if result.reason is not None:
        details["reason"] = context.texts.for_record.request(result.reason[:_SHOWN_REASON], Vault()).text
    return Entry(
        at_us=now_us(),
        route=f"tools/{result.tool}"[:128],
        method=METHOD,
        status=_STATUS[result.outcome],
        request_id=context.request_id,
        key_id=context.principal.key_id,
        role=context.principal.role,
        project_id=context.project_id,
        policy_hash=context.texts.hash,
        compliance_flag=result.outcome == "denied",
        flags=result.rule or "",
        request_hash=result.arguments_hash,
        response_hash=result.result_hash,
        details=_json(details).decode(),
    )
