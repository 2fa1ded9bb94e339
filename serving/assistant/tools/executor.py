"""The one way to a tool: decided first, run under its limits, and on the ledger's chain before anyone sees what came of it.

Which tools there are is said where they are registered; what may be called is `policy`.
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
from serving.assistant.tools.arguments import canonical, digest, shortened
from serving.assistant.tools.errors import DeniedError, ToolError
from serving.assistant.tools.policy import Decision, Tool, ToolContext, decide
from serving.gateway.policy.vault import Vault
from serving.http.problems import Problem

_log = logging.getLogger(__name__)
_json = msgspec.json.Encoder().encode
Outcome = Literal["ok", "error", "timeout", "denied"]
Write: TypeAlias = Callable[[Entry], Awaitable[None]]
"""Puts a row on the ledger; returns when it is durable."""

METHOD: Final = "TOOL"
_STATUS: Mapping[Outcome, int] = {"ok": 200, "denied": 403, "error": 502, "timeout": 504}
_SHOWN_REASON = 500


@dataclass(frozen=True, slots=True)
class Called:
    """What became of a call.

    Attributes
    ----------
    arguments : as the tool got them; `on_record` is what the ledger shows of them.
    result : JSON; None unless the outcome is `ok`.
    rule, reason : why not; the rule where it was denied.
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
    """How a call ended; `raised` goes on to the caller when that is on record."""

    outcome: Outcome
    result: Any = None
    rule: str | None = None
    reason: str | None = None
    raised: BaseException | None = None


class ToolExecutor:
    """Calls the tools that are registered.

    Parameters
    ----------
    write : puts each call on record; where it cannot, the call's result is not handed out.
    """

    def __init__(self, tools: Mapping[str, Tool[Any]], write: Write) -> None:
        self.tools = tools
        self._write = write

    def decide(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> Decision:
        """Decide about a call that somebody else will make."""
        return decide(name, self.tools.get(name), arguments, context, raw=True)

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> Called:
        """Call a tool; whatever becomes of it is on record when this returns.

        Parameters
        ----------
        arguments : as the policy of texts has let them through already.

        Raises
        ------
        Unavailable
            Where the call cannot be put on record.
        Problem
            What the tool says of the whole request, such as a spent budget.
        """
        decision = decide(name, self.tools.get(name), arguments, context, raw=False)
        began = time.perf_counter()
        end = await self._end(name, decision, context)
        called = Called(
            call_id=uuid.uuid4().hex,
            tool=name,
            arguments=decision.arguments,
            arguments_hash=decision.hash,
            on_record=shortened(decision.on_record),
            outcome=end.outcome,
            latency_ms=round((time.perf_counter() - began) * 1000, 3),
            result=end.result,
            result_hash=digest(end.result) if end.outcome == "ok" else None,
            rule=end.rule,
            reason=end.reason,
            cost_nano_usd=0 if end.outcome == "denied" else decision.policy.cost_nano_usd,
        )
        await asyncio.shield(asyncio.ensure_future(self._write(_entry(called, context))))
        seconds = None if end.outcome == "denied" else called.latency_ms / 1000
        metrics.ended(name if name in self.tools else None, end.outcome, seconds)
        if end.raised is not None:
            raise end.raised
        return called

    async def _end(self, name: str, decision: Decision, context: ToolContext) -> "_End":
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
            return _End("error", reason="It was broken off: its caller has gone.", raised=error)

    async def _run(self, name: str, decision: Decision, context: ToolContext) -> Any:
        """Run a tool under its limits; whatever it raises that is not a reason is ours, and logged."""
        if decision.rule is not None:
            raise DeniedError(decision.rule, decision.reason or "")
        tool = self.tools.get(name)
        if tool is None or decision.parsed is None:
            raise ToolError("There is nothing here that could run it.")
        try:
            async with asyncio.timeout(decision.policy.timeout_s):
                result = await tool.run(decision.parsed, context)
        except (DeniedError, ToolError, TimeoutError, Problem):
            raise
        except Exception as error:
            _log.exception("the tool %s failed", name)
            raise ToolError(f"It failed ({type(error).__name__}); the log says more.") from error
        if len(canonical(result)) > decision.policy.output_bytes:
            raise ToolError(f"Its result has more than {decision.policy.output_bytes} bytes.")
        return result


def _entry(called: Called, context: ToolContext) -> Entry:
    details: dict[str, Any] = {
        "call_id": called.call_id,
        "tool": called.tool,
        "arguments": called.on_record,
        "outcome": called.outcome,
        "latency_ms": called.latency_ms,
        "cost_usd": called.cost_nano_usd / NANO,
    }
    if called.rule is not None:
        details["rule"] = called.rule
    if called.reason is not None:
        details["reason"] = context.texts.for_record.request(called.reason[:_SHOWN_REASON], Vault()).text
    return Entry(
        at_us=now_us(),
        route=f"tools/{called.tool}"[:128],
        method=METHOD,
        status=_STATUS[called.outcome],
        request_id=context.request_id,
        key_id=context.principal.key_id,
        role=context.principal.role,
        project_id=context.project_id,
        policy_hash=context.texts.hash,
        compliance_flag=called.outcome == "denied",
        flags=called.rule or "",
        request_hash=called.arguments_hash,
        response_hash=called.result_hash,
        details=_json(details).decode(),
    )
