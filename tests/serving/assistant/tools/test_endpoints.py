"""Other people's tools: decided before they are called, recorded after, once, and never without the question before."""

import json
import re
from typing import Any

import httpx
import pytest

from serving.app import Services
from serving.assistant.tools.arguments import digest
from tests.support.clients import Clients
from tests.support.ledger import read_chain
from tests.support.paths import ROOT

CHECK, RECORD = "/api/v1/tools/check", "/api/v1/tools/record"
TOOL = "mcp/github/create_issue"


@pytest.fixture
async def agent(clients: Clients, project: str, admin: httpx.AsyncClient) -> httpx.AsyncClient:
    """An agent of a project that allows the tools of one server, but for one, and one argument's values."""
    rules = {
        "tools": {
            "allow": ["mcp/github/*"],
            "deny": ["*/delete_*"],
            "rules": {"mcp/github/push": {"arguments": {"branch": ["agent/*"], "force": ["false"]}}},
        }
    }
    answer = await admin.patch(f"/api/v1/projects/{project}", json={"settings": rules})
    assert answer.is_success, answer.text
    return clients.of("analyst", project)


async def check(client: httpx.AsyncClient, tool: str = TOOL, **more: Any) -> dict[str, Any]:
    answer = await client.post(CHECK, json={"tool": tool, "arguments": {"title": "Hello"}, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize(
    ("tool", "arguments", "rule"),
    [
        (TOOL, {"title": "x"}, None),
        ("mcp/github/delete_repository", {}, "tool.denied"),
        ("mcp/shell/run", {"command": "ls"}, "tool.unknown"),
        ("mcp/github/push", {"branch": "agent/1"}, None),
        ("mcp/github/push", {"branch": "agent/1", "force": False}, None),
        ("mcp/github/push", {"branch": "main"}, "tool.argument"),
        ("mcp/github/push", {"branch": "agent/1", "force": True}, "tool.argument"),
        ("mcp/github/push", {"branch": "agent/1", "remote": "evil"}, "tool.argument"),
        ("fetch", {"url": "http://169.254.169.254/"}, "url.scheme"),
        ("fetch", {"url": "https://example.org/"}, "url.host"),
        ("fetch", {"path": "/etc/passwd"}, "tool.schema"),
        ("search", {"topic": "retention"}, None),
    ],
)
async def test_a_call_is_decided_by_the_projects_rules_and_that_is_on_record(
    agent: httpx.AsyncClient, services: Services, tool: str, arguments: dict[str, Any], rule: str | None
) -> None:
    told = (await agent.post(CHECK, json={"tool": tool, "arguments": arguments})).json()
    assert told["decision"] == ("deny" if rule else "allow")
    assert [reason["rule"] for reason in told["reasons"]] == ([rule] if rule else [])
    (row,) = read_chain(services, route=CHECK)
    assert (row["details"]["tool"], row["details"]["decision"]) == (tool, told["decision"])
    assert (row["flags"], row["compliance_flag"]) == (rule or "", rule is not None)
    assert (row["details"]["call_id"], row["project_id"]) == (told["call_id"], "flights")


@pytest.mark.parametrize(
    ("tool", "arguments", "rule"),
    [
        ("web_search", {"topic": "retention", "n": 1}, "tool.denied"),
        ("mcp/github/delete_repository", {}, "tool.denied"),
        ("mcp/gitlab/create_issue", {}, "tool.unknown"),
        ("mcp/github/create_issue", {}, None),
        ("mcp/github/push", {"branch": "main"}, "tool.argument"),
        ("mcp/github/push", {"branch": "agent/1"}, None),
        ("fetch", {"source": "gdpr.pdf"}, "tool.role"),
    ],
)
async def test_the_rules_of_the_page_that_the_readme_links_to_block_these_calls(
    clients: Clients, project: str, admin: httpx.AsyncClient, tool: str, arguments: dict[str, Any], rule: str | None
) -> None:
    assert "[tool calls](docs/tools.md)" in (ROOT / "README.md").read_text()
    block = re.search(r"^```json\n(.*?)^```", (ROOT / "docs" / "tools.md").read_text(), re.DOTALL | re.MULTILINE)
    assert block is not None
    answer = await admin.patch(f"/api/v1/projects/{project}", json={"settings": json.loads(block[1])})
    assert answer.is_success, answer.text
    decision = await check(clients.of("analyst", project), tool, arguments=arguments)
    assert [reason["rule"] for reason in decision["reasons"]] == ([rule] if rule else [])


async def test_without_rules_unknown_tools_are_denied(analyst: httpx.AsyncClient) -> None:
    assert (await check(analyst))["reasons"][0]["rule"] == "tool.unknown"


async def test_arguments_come_back_redacted_and_the_ledger_has_none_of_them_raw(
    agent: httpx.AsyncClient, services: Services
) -> None:
    arguments = {
        "title": "SSN 219-09-9999",
        "to": ["jane@example.com", {"card": 4111111111111111}],
        "219-09-9998": "as a name",
    }
    told = await check(agent, arguments=arguments)
    assert told["arguments"]["title"] == "SSN [SSN_1]"
    assert told["arguments"]["to"] == ["jane@example.com", {"card": "[CREDIT_CARD_1]"}]  # this project flags addresses
    assert "[SSN_2]" in told["arguments"]
    row = json.dumps(read_chain(services, route=CHECK))
    for raw in ("219-09-999", "jane@example.com", "4111111111111111"):
        assert raw not in row
    assert "[EMAIL_1]" in row


async def test_an_outcome_is_recorded_once_with_the_hash_of_its_result(
    agent: httpx.AsyncClient, services: Services
) -> None:
    told = await check(agent)
    result = {"number": 7, "labels": ["a"]}
    body = {"call_id": told["call_id"], "outcome": "ok", "latency_ms": 12.5, "result": result}
    first = (await agent.post(RECORD, json=body)).json()
    assert (first["status"], first["violation"], first["tool"]) == ("recorded", False, TOOL)
    assert first["result_hash"] == digest(result)
    assert (await agent.post(RECORD, json=body)).json()["status"] == "duplicate"
    hashed = {**body, "result_hash": digest(result)}
    del hashed["result"]
    assert (await agent.post(RECORD, json=hashed)).json()["status"] == "duplicate"
    other = await agent.post(RECORD, json={**body, "outcome": "error"})
    assert other.status_code == 409
    row = read_chain(services, route=RECORD)[0]
    assert row["details"]["result_hash"] == digest(result)
    assert (row["details"]["outcome"], row["details"]["latency_ms"]) == ("ok", 12.5)
    assert "labels" not in json.dumps(row)


async def test_an_outcome_without_a_question_is_refused_and_marked(
    agent: httpx.AsyncClient, clients: Clients, project: str
) -> None:
    body = {"call_id": "never-asked", "outcome": "ok", "latency_ms": 1}
    assert (await agent.post(RECORD, json=body)).status_code == 404
    row = read_chain(clients.services, route=RECORD)[-1]
    assert (row["flags"], row["details"]["unchecked"]) == ("tool.unchecked", True)
    told = await check(agent)
    other = clients.of("analyst", project)
    assert (await other.post(RECORD, json={**body, "call_id": told["call_id"]})).status_code == 404


async def test_a_call_that_was_made_although_it_was_denied_is_a_violation(
    agent: httpx.AsyncClient, services: Services
) -> None:
    told = await check(agent, "mcp/github/delete_repository")
    body = {"call_id": told["call_id"], "outcome": "ok", "latency_ms": 1}
    assert (await agent.post(RECORD, json=body)).json()["violation"]
    row = read_chain(services, route=RECORD)[-1]
    assert (row["flags"], row["compliance_flag"]) == ("tool.ran_though_denied", True)
    obeyed = await check(agent, "mcp/github/delete_repository")
    body = {"call_id": obeyed["call_id"], "outcome": "denied", "latency_ms": 0}
    assert not (await agent.post(RECORD, json=body)).json()["violation"]


async def test_a_question_with_its_own_id_can_be_asked_again(agent: httpx.AsyncClient, clients: Clients) -> None:
    told = await check(agent, call_id="mine-1")
    assert await check(agent, call_id="mine-1") == told
    body = {"tool": TOOL, "arguments": {"title": "Other"}, "call_id": "mine-1"}
    assert (await agent.post(CHECK, json=body)).status_code == 409
    assert (await check(clients.of("analyst"), call_id="mine-1"))["decision"] == "deny"  # another key's own id


async def test_the_tools_of_the_guard_are_listed_as_the_project_may_call_them(
    agent: httpx.AsyncClient, admin: httpx.AsyncClient, project: str
) -> None:
    rules = {"tools": {"deny": ["fetch"], "rules": {"search": {"timeout_s": 2, "role": "admin", "cost_usd": 0.5}}}}
    await admin.patch(f"/api/v1/projects/{project}", json={"settings": rules})
    tools = {tool["name"]: tool for tool in (await agent.get("/api/v1/tools")).json()["items"]}
    assert set(tools) == {"search", "fetch", "summarize", "risk_check"}
    assert not tools["fetch"]["allowed"]
    assert (tools["search"]["allowed"], tools["search"]["timeout_ms"], tools["search"]["cost_usd"]) == (
        False,
        2000,
        0.5,
    )
    assert tools["summarize"]["allowed"]
    assert tools["search"]["arguments"]["properties"]["topic"]["type"] == "string"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"tool": ""},
        {"tool": "a b"},
        {"tool": "x" * 200},
        {"tool": TOOL, "arguments": []},
        {"tool": TOOL, "call_id": "a b"},
        {"tool": TOOL, "more": 1},
    ],
)
async def test_malformed_questions_are_422(analyst: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await analyst.post(CHECK, json=body)).status_code == 422


@pytest.mark.parametrize(
    ("tools", "named"),
    [
        ({"allowed": []}, "tools.allowed"),
        ({"deny": "fetch"}, "tools.deny"),
        ({"rules": {"fetch": {"timeout_s": 0}}}, "tools.rules.fetch.timeout_s"),
        ({"rules": {"fetch": {"role": "king"}}}, "tools.rules.fetch.role"),
        ({"rules": {"fetch": {"arguments": {"url": "x"}}}}, "tools.rules.fetch.arguments.url"),
        ({"rules": {"fetch": 5}}, "tools.rules.fetch"),
    ],
)
async def test_wrong_rules_of_a_project_are_refused_by_name(
    admin: httpx.AsyncClient, project: str, tools: dict[str, Any], named: str
) -> None:
    answer = await admin.patch(f"/api/v1/projects/{project}", json={"settings": {"tools": tools}})
    assert answer.status_code == 422
    assert named in answer.json()["detail"]
