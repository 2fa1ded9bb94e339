"""The one way to a tool: what is not allowed never runs, what runs has limits, and everything is on record first."""

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from guard_core.project_settings.tools import ToolSettings
from guard_store.ledger.entry import Entry
from serving.assistant.tools.arguments import digest
from serving.assistant.tools.errors import DeniedError, ToolError
from serving.assistant.tools.executor import ToolExecutor
from serving.assistant.tools.policy import Tool, ToolContext, ToolPolicy
from serving.auth.principal import Principal
from serving.gateway.policy.book import PolicyBook
from serving.http.problems import Unavailable

ANALYST = Principal("key", "analyst", None)


class Echo(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str
    again: int = 1


class Bench:
    """An executor with one tool, and what was put on record."""

    def __init__(self, policy: ToolPolicy | None = None) -> None:
        self.entries: list[Entry] = []
        self.ran: list[Echo] = []
        self.does: Any = lambda arguments: {"said": arguments.text * arguments.again}
        self.unwritable = False
        tool = Tool("echo", "Says it again.", Echo, self.run, policy or ToolPolicy(timeout_s=5), self.check)
        self.executor = ToolExecutor({"echo": tool}, self.write)

    async def run(self, arguments: Echo, _: ToolContext) -> Any:
        self.ran.append(arguments)
        done = self.does(arguments)
        return await done if asyncio.iscoroutine(done) else done

    def check(self, arguments: Echo) -> None:
        if arguments.text == "forbidden":
            raise DeniedError("echo.forbidden", "This is not said again.")

    async def write(self, entry: Entry) -> None:
        if self.unwritable:
            raise Unavailable("The ledger is not to be had.")
        self.entries.append(entry)

    def asking(self, settings: dict[str, Any] | None = None, principal: Principal = ANALYST) -> ToolContext:
        rules = ToolSettings.from_dict(settings or {})
        return ToolContext(principal, None, "request", PolicyBook(None).of(None), rules)

    def details(self) -> dict[str, Any]:
        (entry,) = self.entries
        details: dict[str, Any] = json.loads(entry.details)
        return details


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_call_is_one_row_with_arguments_latency_and_hashes(bench: Bench) -> None:
    called = await bench.executor.call("echo", {"text": "hey", "again": 2}, bench.asking())
    assert (called.outcome, called.result) == ("ok", {"said": "heyhey"})
    (entry,) = bench.entries
    assert (entry.route, entry.method, entry.status, entry.request_id) == ("tools/echo", "TOOL", 200, "request")
    assert (entry.key_id, entry.role, entry.compliance_flag) == ("key", "analyst", False)
    assert entry.response_hash == called.result_hash == digest({"said": "heyhey"})
    assert entry.request_hash == digest({"again": 2, "text": "hey"})
    details = bench.details()
    assert details["arguments"] == {"text": "hey", "again": 2}
    assert (details["outcome"], details["call_id"]) == ("ok", called.call_id)
    assert details["latency_ms"] == called.latency_ms > 0


@pytest.mark.parametrize(
    ("tool", "arguments", "settings", "principal", "rule"),
    [
        ("echo", {"text": "a"}, {"deny": ["echo"]}, ANALYST, "tool.denied"),
        ("echo", {"text": "a"}, {"deny": ["e*"], "allow": ["echo"]}, ANALYST, "tool.denied"),
        ("shout", {"text": "a"}, {}, ANALYST, "tool.unknown"),
        ("echo", {"text": "a"}, {}, Principal("key", "guest", None), "tool.role"),
        ("echo", {"text": "a"}, {"rules": {"echo": {"role": "admin"}}}, ANALYST, "tool.role"),
        ("echo", {"text": 5}, {}, ANALYST, "tool.schema"),
        ("echo", {"text": "a", "shell": "rm"}, {}, ANALYST, "tool.schema"),
        ("echo", {}, {}, ANALYST, "tool.schema"),
        ("echo", {"text": "forbidden"}, {}, ANALYST, "echo.forbidden"),
        ("echo", {"text": "bad"}, {"rules": {"echo": {"arguments": {"text": ["good*"]}}}}, ANALYST, "tool.argument"),
        ("echo", {"text": "a"}, {"rules": {"*": {"arguments": {"again": ["1"]}}}}, ANALYST, "tool.argument"),
    ],
)
async def test_what_is_not_allowed_never_runs_and_is_on_record(
    bench: Bench, tool: str, arguments: dict[str, Any], settings: dict[str, Any], principal: Principal, rule: str
) -> None:
    called = await bench.executor.call(tool, arguments, bench.asking(settings, principal))
    assert (called.outcome, called.rule, called.result, called.cost_nano_usd) == ("denied", rule, None, 0)
    assert bench.ran == []
    (entry,) = bench.entries
    assert (entry.status, entry.flags, entry.compliance_flag, entry.response_hash) == (403, rule, True, None)
    assert bench.details()["rule"] == rule


async def test_allowed_arguments_pass(bench: Bench) -> None:
    rules = {"rules": {"echo": {"arguments": {"text": ["good*", "fine"], "again": ["1", "2"]}}}}
    for arguments in ({"text": "good day"}, {"text": "fine", "again": 2}):
        assert (await bench.executor.call("echo", arguments, bench.asking(rules))).outcome == "ok"


async def test_time_and_size_have_limits_that_a_project_can_change(bench: Bench) -> None:
    bench.does = lambda _: asyncio.sleep(5)
    called = await bench.executor.call("echo", {"text": "a"}, bench.asking({"rules": {"echo": {"timeout_s": 0.05}}}))
    assert (called.outcome, called.result_hash) == ("timeout", None)
    assert 50 <= called.latency_ms < 2_000
    bench.does = lambda _: "x" * 200
    called = await bench.executor.call("echo", {"text": "a"}, bench.asking({"rules": {"echo": {"output_bytes": 100}}}))
    assert (called.outcome, called.reason) == ("error", "Its result has more than 100 bytes.")
    assert [entry.status for entry in bench.entries] == [504, 502]


@pytest.mark.parametrize(
    ("error", "reason"), [(ToolError("No such page."), "No such page."), (KeyError("secret"), "It failed (KeyError)")]
)
async def test_a_tool_that_fails_is_on_record_and_shows_no_internals(
    bench: Bench, error: Exception, reason: str
) -> None:
    def fail(_: Echo) -> None:
        raise error

    bench.does = fail
    called = await bench.executor.call("echo", {"text": "a"}, bench.asking())
    assert called.outcome == "error"
    assert reason in (called.reason or "")
    assert "secret" not in bench.details()["reason"]


async def test_a_call_that_is_broken_off_is_on_record(bench: Bench) -> None:
    running = asyncio.Event()

    async def run_on(_: Echo) -> None:
        running.set()
        await asyncio.sleep(5)

    bench.does = run_on
    task = asyncio.create_task(bench.executor.call("echo", {"text": "a"}, bench.asking()))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.details()["outcome"] == "error"


async def test_what_cannot_be_put_on_record_is_not_handed_out(bench: Bench) -> None:
    bench.unwritable = True
    with pytest.raises(Unavailable):
        await bench.executor.call("echo", {"text": "a"}, bench.asking())


async def test_the_ledger_shows_no_personal_data_and_no_long_texts(bench: Bench) -> None:
    text = "jane@example.com and 219-09-9999 " + "x" * 1_000
    called = await bench.executor.call("echo", {"text": text}, bench.asking())
    shown = bench.details()["arguments"]["text"]
    assert shown.startswith("[EMAIL_1] and [SSN_1] xxx")
    assert len(shown) < 350
    assert "jane" not in bench.entries[0].details
    assert called.result == {"said": text}


async def test_a_call_has_the_cost_that_the_project_says(bench: Bench) -> None:
    called = await bench.executor.call("echo", {"text": "a"}, bench.asking({"rules": {"echo": {"cost_usd": 0.002}}}))
    assert called.cost_nano_usd == 2_000_000
    assert bench.details()["cost_usd"] == 0.002
