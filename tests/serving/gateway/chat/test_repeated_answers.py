"""Answers that are repeated for equal requests: free, on the ledger, never across projects, under the policy of each caller."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from guard_core.settings import Settings
from guard_store.spending.usage import UsageStore
from serving.app import Services
from serving.gateway.chat.service import ChatService
from serving.http.problems import Unavailable
from tests.support.gateway import POLICY, SSN
from tests.support.ledger import read_ledger
from tests.support.settings import with_values
from tests.support.upstream import Upstream

MESSAGES = [{"role": "user", "content": "Which carriers fly to Miami?"}]
BODIES: dict[str, dict[str, Any]] = {
    "/chat/completions": {"model": "stub", "messages": MESSAGES},
    "/responses": {"model": "stub", "input": "Which carriers fly to Miami?"},
    "/messages": {"model": "stub", "max_tokens": 50, "messages": MESSAGES},
    "/embeddings": {"model": "stub", "input": ["Miami"]},
}
WAYS = [(path, False) for path in BODIES] + [(path, True) for path in BODIES if path != "/embeddings"]


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a cache and a policy that redacts."""
    policies = tmp_path / "policies.yaml"
    policies.write_text(POLICY)
    return with_values(settings, llm_cache_s=60, llm_policies=policies)


class Caller:
    """A caller with a key."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def ask(
        self, path: str, body: dict[str, Any], *, stream: bool = False, cache_control: str = ""
    ) -> httpx.Response:
        """Send a request and read the whole answer."""
        answer = await self.client.post(
            path, json={**body, "stream": stream} if stream else body, headers={"Cache-Control": cache_control}
        )
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture
async def caller_with(url: str) -> AsyncIterator[Callable[[str], Caller]]:
    """Make a caller with a key."""
    clients: list[httpx.AsyncClient] = []

    def make(key: str) -> Caller:
        clients.append(httpx.AsyncClient(base_url=url, headers={"X-API-Key": key}, trust_env=False))
        return Caller(clients[-1])

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def caller(caller_with: Callable[[str], Caller], services: Services, project: str) -> Caller:
    """A caller of the project."""
    return caller_with(services.keys.create("app", "analyst", project)[1])


def is_repeated(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("x-ml-guard-cache") == "hit")


@pytest.mark.parametrize(("path", "stream"), WAYS)
async def test_an_equal_request_is_answered_again_without_a_call_and_free_of_charge(
    caller: Caller, services: Services, project: str, upstream: Upstream, path: str, stream: bool
) -> None:
    services.gateway.budgets.put("project", project, "requests", "day", soft=None, hard=1)
    first = await caller.ask(path, BODIES[path], stream=stream)
    assert not is_repeated(first)
    again = await caller.ask(path, dict(reversed(BODIES[path].items())), stream=stream)
    assert is_repeated(again)
    assert again.headers["age"].isdigit()
    assert upstream.requests == 1
    assert texts_of(again) == texts_of(first) != []
    newest, oldest = read_ledger(services, route=f"/v1{path}")
    assert json.loads(newest["details"])["repeated_after_s"] >= 0
    assert (newest["cost_nano_usd"], newest["tokens_in"], newest["tokens_out"]) == (0, 0, 0)
    assert newest["model"] == oldest["model"] == "stub"
    assert "repeated_after_s" not in oldest["details"]
    if path != "/embeddings":
        assert oldest["cost_nano_usd"] > 0
    today = await services.gateway.day_of(project)
    statuses = services.gateway.budgets.statuses(services.gateway.budgets.of(), lambda _: today)
    assert [status.spent for status in statuses] == [1]
    calls = UsageStore(services.database).read_latencies(["model"], first=today, last=today)
    assert calls["stub",].total() == 1, "a repeated answer says nothing about the server"


def texts_of(answer: httpx.Response) -> list[str]:
    """Return every text of an answer of any protocol, whole or streamed, with the pieces of a stream joined."""
    if answer.headers["content-type"].startswith("text/event-stream"):
        events = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
        return [
            "".join(text for event in events for text in strings_in(json.loads(event), {"content", "delta", "text"}))
        ]
    return sorted(strings_in(answer.json(), {"content", "text", "embedding"}))


def strings_in(value: Any, names: set[str], name: str = "") -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in strings_in(item, names, key)]
    if isinstance(value, list):
        return [text for item in value for text in strings_in(item, names, name)]
    return [str(value)] if name in names and isinstance(value, str | float) else []


async def test_another_project_or_another_request_is_never_answered_from_the_cache(
    caller: Caller, caller_with: Callable[[str], Caller], services: Services, upstream: Upstream
) -> None:
    services.projects.create("other", "Other")
    other = caller_with(services.keys.create("other", "analyst", "other")[1])
    admins = [caller_with(services.keys.create(f"admin {n}", "admin")[1]) for n in (1, 2)]
    body = BODIES["/chat/completions"]
    answers = [await asker.ask("/chat/completions", body) for asker in (caller, other, *admins)]
    answers += [
        await caller.ask("/chat/completions", {**body, "temperature": 0.1}),
        await caller.ask("/chat/completions", {**body, "user": "jo"}),
        await caller.ask("/chat/completions", body, stream=True),
        await caller.ask("/messages", BODIES["/messages"]),
    ]
    assert not any(map(is_repeated, answers))
    assert upstream.requests == len(answers)


async def test_the_caller_may_refuse_a_stored_answer_or_that_it_is_stored(caller: Caller, upstream: Upstream) -> None:
    path, body = "/chat/completions", BODIES["/chat/completions"]
    await caller.ask(path, body, cache_control="no-store")
    assert not is_repeated(await caller.ask(path, body))
    assert not is_repeated(await caller.ask(path, body, cache_control="no-cache"))
    assert not is_repeated(await caller.ask(path, body, cache_control="No-Store"))
    assert is_repeated(await caller.ask(path, body))
    assert upstream.requests == 4


@pytest.mark.parametrize("stream", [False, True])
async def test_each_caller_gets_its_own_redacted_value_back(caller: Caller, upstream: Upstream, stream: bool) -> None:
    def ask(ssn: str) -> dict[str, Any]:
        return {"model": "stub", "messages": [{"role": "user", "content": f"My number is {ssn}."}]}

    first = await caller.ask("/chat/completions", ask(SSN), stream=stream)
    other = await caller.ask("/chat/completions", ask("219-09-9999"), stream=stream)
    assert is_repeated(other)
    assert SSN in "".join(texts_of(first))
    assert "219-09-9999" in "".join(texts_of(other))
    assert SSN not in other.text
    assert SSN not in json.dumps(upstream.seen)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_policy_that_has_changed_reads_a_stored_answer(
    caller: Caller, services: Services, settings: Settings, upstream: Upstream, stream: bool
) -> None:
    upstream.say = "All about Kestrel today."
    body = BODIES["/chat/completions"]
    assert "Kestrel" in (await caller.ask("/chat/completions", body, stream=stream)).text
    assert settings.llm.policies is not None
    settings.llm.policies.write_text(POLICY.replace("Bluebird", "Kestrel"))
    await asyncio.sleep(1.1)  # policies are reloaded once a second
    answer = await caller.ask("/chat/completions", body, stream=stream)
    assert is_repeated(answer)
    assert "Kestrel" not in answer.text
    assert read_ledger(services)[0]["flags"] == "response.denylist"


async def test_answers_that_break_off_or_are_errors_are_not_stored(
    caller: Caller, spare: Upstream, upstream: Upstream
) -> None:
    body = {"model": "stub-breaks", "messages": MESSAGES}
    for _ in range(2):
        answer = await caller.client.post("/chat/completions", json={**body, "stream": True})
        assert not is_repeated(answer)
    upstream.answer = {"error": {"message": "no"}}
    for _ in range(2):
        answer = await caller.client.post("/chat/completions", json=BODIES["/chat/completions"])
        assert answer.status_code == 502
    assert upstream.requests + spare.requests >= 4


async def test_the_oldest_answers_make_room_and_one_that_is_too_large_is_not_stored(
    caller: Caller, services: Services, upstream: Upstream
) -> None:
    cache = services.parts.get(ChatService)._cache
    cache._max_bytes = 4_000
    for n in range(20):
        await caller.ask("/chat/completions", {"model": "stub", "messages": [{"role": "user", "content": f"n {n}"}]})
    assert 0 < cache._bytes <= 4_000
    assert cache._bytes == sum(len(answer.data) for answer in cache._answers.values())
    upstream.say = "word " * 500
    for _ in range(2):
        assert not is_repeated(await caller.ask("/chat/completions", BODIES["/chat/completions"]))


async def test_an_answer_is_repeated_for_as_long_as_the_setting_says(caller: Caller, services: Services) -> None:
    cache = services.parts.get(ChatService)._cache
    cache._ttl_s = 1
    body = BODIES["/chat/completions"]
    await caller.ask("/chat/completions", body)
    assert is_repeated(await caller.ask("/chat/completions", body))
    await asyncio.sleep(1.1)
    assert not is_repeated(await caller.ask("/chat/completions", body))


async def test_bodies_of_repeated_answers_are_kept_where_the_project_keeps_them(
    caller: Caller, services: Services, admin: httpx.AsyncClient, project: str
) -> None:
    answer = await admin.patch(f"/api/v1/projects/{project}", json={"settings": {"audit": {"bodies": True}}})
    assert answer.status_code == 200, answer.text
    for stream in (False, True):
        for _ in range(2):
            await caller.ask("/chat/completions", BODIES["/chat/completions"], stream=stream)
        newest = read_ledger(services, route="/v1/chat/completions")[0]
        assert "repeated_after_s" in newest["details"]
        (bodies,) = (await admin.get(f"/api/v1/audit/{newest['request_id']}/bodies")).json()["items"]
        assert "Miami" in json.dumps(bodies["request"])
        assert "Miami" in json.dumps(bodies["response"])


@pytest.mark.parametrize("stream", [False, True])
async def test_nothing_is_repeated_that_cannot_be_put_on_record(
    caller: Caller, services: Services, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    body = {**BODIES["/chat/completions"], "stream": stream}
    await caller.ask("/chat/completions", body)

    async def fail(*_: Any) -> None:
        raise Unavailable("the ledger is full")

    monkeypatch.setattr(services.audit, "commit", fail)
    answer = await caller.client.post("/chat/completions", json=body)
    assert answer.status_code == 503
    assert "Miami" not in answer.text


async def test_a_repeated_embedding_has_its_end_user_on_the_ledger(caller: Caller, services: Services) -> None:
    for _ in range(2):
        await caller.ask("/embeddings", {**BODIES["/embeddings"], "user": "jo"})
    newest, oldest = read_ledger(services, route="/v1/embeddings")
    assert "repeated_after_s" in newest["details"]
    assert newest["end_user"] == oldest["end_user"] == "jo"
