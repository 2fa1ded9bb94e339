"""Nothing that the policy takes out passes either way, in any place, however it is written or split: over real HTTP."""

import base64
import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from guard_core.settings import Settings
from serving.app import Services
from tests.support.gateway import disguise_secret, write_strict_policies
from tests.support.settings import with_values
from tests.support.upstream import Upstream
from tests.support.visible_texts import PLACEHOLDER, shows, split

CHAT = "/chat/completions"

Text = str
Pieces = Sequence[str]


def arguments(text: str) -> str:
    return json.dumps({"say": text, "n": 1})


def user(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


def function(**of: Any) -> dict[str, Any]:
    return {**user("x"), "tools": [{"type": "function", "function": {"name": "f", "parameters": {}, **of}}]}


def file_of(text: str) -> str:
    return "data:text/plain;base64," + base64.b64encode((text + " " * 60).encode()).decode()


IN: dict[str, Callable[[Text], dict[str, Any]]] = {
    "user": user,
    "system": lambda t: {"messages": [{"role": "system", "content": t}, {"role": "user", "content": "x"}]},
    "part": lambda t: user([{"type": "text", "text": t}]),
    "image": lambda t: user([{"type": "image_url", "image_url": {"url": f"https://example.com/?q={t}"}}]),
    "no data url": lambda t: user(f"data: {t}"),
    "file": lambda t: user([{"type": "file", "file": {"filename": "x.txt", "file_data": file_of(t)}}]),
    "file name": lambda t: user([{"type": "file", "file": {"filename": t, "file_data": file_of("x")}}]),
    "name": lambda t: {"messages": [{"role": "user", "name": t, "content": "x"}]},
    "role": lambda t: {"messages": [{"role": t, "content": "x"}]},
    "result": lambda t: {"messages": [{"role": "tool", "tool_call_id": "c", "content": arguments(t)}]},
    "call id": lambda t: {"messages": [{"role": "tool", "tool_call_id": t, "content": "x"}]},
    "arguments": lambda t: {
        "messages": [
            {
                "role": "assistant",
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments(t)}}],
            }
        ]
    },
    "refusal": lambda t: {"messages": [{"role": "assistant", "refusal": t}]},
    "thought": lambda t: {"messages": [{"role": "assistant", "content": "x", "reasoning_content": t}]},
    "tool": lambda t: function(description=t),
    "tool name": lambda t: function(name=t),
    "parameter": lambda t: function(parameters={"type": "object", "properties": {t: {"type": "string"}}}),
    "choice": lambda t: {**function(), "tool_choice": {"type": "function", "function": {"name": t}}},
    "schema": lambda t: {
        **user("x"),
        "response_format": {"type": "json_schema", "json_schema": {"name": t, "schema": {}}},
    },
    "metadata": lambda t: {**user("x"), "metadata": {"about": t}},
    "metadata name": lambda t: {**user("x"), "metadata": {t: "about"}},
    "end user": lambda t: {**user("x"), "user": t[:120]},
    "identifier": lambda t: {**user("x"), "safety_identifier": t[:120]},
    "stop": lambda t: {**user("x"), "stop": ["y", t]},
    "prediction": lambda t: {**user("x"), "prediction": {"type": "content", "content": t}},
    "other": lambda t: {**user("x"), "guided_json": {"anything": [t]}},
    "other name": lambda t: {**user("x"), t: 1},
}


def call(**function: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": function}]}


def one(**message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}]}


def probabilities(pieces: Pieces, others: Pieces | None = None) -> dict[str, Any]:
    """Entries of tokens, each with an alternative: itself, unless others are given."""
    return {
        "content": [
            {
                "token": piece,
                "bytes": list(piece.encode()),
                "logprob": -1.0,
                "top_logprobs": [{"token": other, "bytes": list(other.encode()), "logprob": -1.0}],
            }
            for piece, other in zip(pieces, others or pieces, strict=True)
        ]
    }


OUT: dict[str, Callable[[Pieces], list[dict[str, Any]]]] = {
    "content": lambda ps: [{"content": p} for p in ps],
    "refusal": lambda ps: [{"refusal": p} for p in ps],
    "reasoning_content": lambda ps: [{"reasoning_content": p} for p in ps],
    "reasoning": lambda ps: [{"reasoning": p} for p in ps],
    "details": lambda ps: [{"reasoning_details": [{"type": "reasoning.text", "text": p, "index": 0}]} for p in ps],
    "parts": lambda ps: [{"content": [{"type": "text", "text": p}]} for p in ps],
    "arguments": lambda ps: [call(name="f", arguments=p) for p in ps],
    "old arguments": lambda ps: [{"function_call": {"name": "f", "arguments": p}} for p in ps],
    "custom": lambda ps: [
        {"tool_calls": [{"index": 0, "type": "custom", "custom": {"name": "f", "input": p}}]} for p in ps
    ],
    "tool name": lambda ps: [call(name="".join(ps), arguments="")],
    "transcript": lambda ps: [{"audio": {"id": "a", "transcript": p}} for p in ps],
    "unheard of": lambda ps: [{"monologue": p} for p in ps],
}
JSON_OUT = {"arguments", "old arguments"}
WHOLE: dict[str, Callable[[Text], dict[str, Any]]] = {
    **{name: lambda t, make=make: one(**make([t])[0]) for name, make in OUT.items()},  # type: ignore[misc]
    "annotation": lambda t: one(content="x", annotations=[{"type": "url_citation", "url_citation": {"title": t}}]),
    "citations": lambda t: {**one(content="x"), "citations": [t]},
    "choice": lambda t: {"choices": [{**one(content="x")["choices"][0], "content_filter_results": {"why": t}}]},
    "logprobs": lambda t: {"choices": [{**one(content=t)["choices"][0], "logprobs": probabilities([t])}]},
    "alternative": lambda t: {"choices": [{**one(content="x")["choices"][0], "logprobs": probabilities(["x"], [t])}]},
}


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    return f"sqlite:///{shutil.copyfile(migrated_sqlite, tmp_path / 'guard.db')}"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return with_values(settings, llm_policies=write_strict_policies(tmp_path / "policies.yaml"))


@pytest.fixture
async def post(url: str, services: Services) -> Any:
    """Ask for a project of an action."""
    for action in ("redact", "block"):
        services.projects.create(action, action)
    _, secret = services.keys.create("app", "analyst", None)
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {secret}"}, trust_env=False
    ) as client:

        async def ask(action: str, path: str = CHAT, **body: Any) -> httpx.Response:
            return await client.post(path, json={"model": "stub", **body}, headers={"X-ML-Guard-Project": action})

        yield ask


over_http = hypothesis_settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each example is dozens of requests
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
actions = st.sampled_from(["redact", "block"])
around = st.sampled_from(["", "the ", "\n", "(", "\u00fc: ", "e.g. "])
Post = Callable[..., Any]


@over_http
@given(secret=disguise_secret(), before=around, action=actions)
async def test_no_place_of_a_request(post: Post, upstream: Upstream, secret: str, before: str, action: str) -> None:
    text = f"{before}{secret} now"
    for place, make in IN.items():
        upstream.seen.clear()
        answer = await post(action, **make(text))
        if action == "block":
            assert answer.status_code == 403, place
            assert answer.json()["error"]["code"] == "content_filter"
            assert not upstream.seen, place
        else:
            assert answer.status_code == 200, (place, answer.text)
            assert not shows(upstream.seen, secret), place
        assert not shows(answer.json(), secret), place
    upstream.seen.clear()
    answer = await post(action, "/embeddings", input=["x", text])
    assert answer.status_code == (403 if action == "block" else 200)
    assert not shows(upstream.seen, secret)


@over_http
@given(secret=disguise_secret(), before=around, action=actions)
async def test_no_place_of_a_whole_answer(
    post: Post, upstream: Upstream, secret: str, before: str, action: str
) -> None:
    text = f"{before}{secret} now"
    for place, make in WHOLE.items():
        upstream.answer = make(arguments(text) if place in JSON_OUT else text)
        answer = await post(action, **user("x"))
        assert answer.status_code == 200
        assert not shows(answer.json(), secret), place
        if action == "redact" and place in JSON_OUT:
            message = answer.json()["choices"][0]["message"]
            assert (
                json.loads((message.get("function_call") or message["tool_calls"][0]["function"])["arguments"])["n"]
                == 1
            )


@over_http
@given(
    secret=disguise_secret(), before=around, action=actions, cuts=st.lists(st.integers(1, 12), min_size=1, max_size=12)
)
async def test_no_place_of_a_stream(
    post: Post, upstream: Upstream, secret: str, before: str, action: str, cuts: list[int]
) -> None:
    text = f"{before}{secret} now, and more"
    for place, make in OUT.items():
        whole = arguments(text) if place in JSON_OUT else text
        deltas = make(list(split(whole, cuts)))
        for n in (0, 1):  # the second of two choices is a choice too
            upstream.events = [{"choices": [{"index": n, "delta": d, "finish_reason": None}]} for d in deltas]
            upstream.events.append({"choices": [{"index": n, "delta": {}, "finish_reason": "stop"}]})
            said = await streamed(post, action)
            assert not shows([merged(said), said], secret), place
            reasons = [choice.get("finish_reason") for event in said for choice in event["choices"]]
            assert reasons[-1] == ("content_filter" if action == "block" else "stop"), place
            if action == "redact" and place in JSON_OUT:
                spoken = merged(said)[n]
                arguments_of = spoken.get("function_call", spoken)
                assert json.loads(next(v for k, v in texts_by_path(arguments_of) if k == "arguments"))["n"] == 1


@over_http
@example(secret="PHI", before="ü: ", cuts=[10, 12])
@example(
    secret="DE\u200b89 \uff137\uff104 \u200b\uff10044 \uff10\uff1532\u200b 0\u200b1\u200b30\u200b \u200b0\u200b\uff10",
    before="e.g. ",
    cuts=[1, 2, 7, 4, 9, 7, 4, 10, 8, 3, 12, 7],
)
@given(secret=disguise_secret(), before=around, cuts=st.lists(st.integers(1, 12), min_size=1, max_size=12))
async def test_log_probabilities_do_not_spell_what_was_taken_out(
    post: Post, upstream: Upstream, secret: str, before: str, cuts: list[int]
) -> None:
    # The comma ends what could still be part of it; the piece after that one stands apart.
    pieces = list(split(f"Hello there {before}{secret} now, and more of what follows", cuts))
    upstream.events = [
        {"choices": [{"index": 0, "delta": {"content": p}, "logprobs": probabilities([p]), "finish_reason": None}]}
        for p in pieces
    ]
    upstream.events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    said = await streamed(post, "redact")
    told = [choice["logprobs"]["content"] for e in said for choice in e["choices"] if choice.get("logprobs")]
    tokens = [entry["token"] for entries in told for entry in entries or ()]
    content = merged(said)[0]["content"]
    for spelled in ("".join(tokens), "".join(a["token"] for es in told for e in es or () for a in e["top_logprobs"])):
        assert not shows(spelled, secret)
        assert not shows(
            bytes(itertools.chain(*(e["bytes"] for es in told for e in es or ()))).decode(errors="replace"), secret
        )
    assert PLACEHOLDER.search(content)
    assert tokens[-1] == pieces[-1]  # what stands apart from it has its own


async def test_a_name_in_pieces_ends_a_stream(post: Post, upstream: Upstream) -> None:
    deltas = [call(name=piece, arguments="") for piece in ("Project ", "Blue", "bird")]
    upstream.events = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    answer = await post("redact", **user("x"), stream=True)
    assert "bird" not in answer.text
    assert "name in pieces" in answer.text


async def test_token_ids_are_not_read_so_they_are_refused(post: Post, upstream: Upstream) -> None:
    for given_ids in ([1, 2, 3], [[1, 2], [3]], ["x", [1]]):
        answer = await post("redact", "/embeddings", input=given_ids)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input")
    assert not upstream.seen


async def test_what_an_upstream_says_of_an_error_is_judged(post: Post, upstream: Upstream, spare: Upstream) -> None:
    upstream.fail, upstream.error = [400], {"message": "Invalid: Project Bluebird", "param": "SSN"}
    answer = await post("redact", **user("x"))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Invalid: [DENYLIST_1]"
    assert answer.json()["error"]["param"] == "[DENYLIST_2]"


async def test_the_models_name_is_no_way_round(post: Post, upstream: Upstream) -> None:
    answer = await post("redact", **{**user("x"), "model": "123-45-6789"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")
    assert not upstream.seen


async def test_a_redacted_end_user_has_the_same_name_each_time(post: Post, upstream: Upstream) -> None:
    for _ in range(2):
        await post("redact", **user("x"), user="jo@example.com")
    names = {body["user"] for body in upstream.seen}
    assert len(names) == 1
    assert next(iter(names)).startswith("user_")


async def test_what_the_protocol_says_goes_through_as_it_is(post: Post, upstream: Upstream) -> None:
    picture = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 9).decode()
    body = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": picture, "detail": "low"}}]},
        ],
        "tools": function(parameters={"type": "object", "properties": {"a": {"type": "string", "format": "date"}}})[
            "tools"
        ],
        "seed": 4111111111111111,
        "temperature": 0.1,
        "logit_bias": {"50256": -100},
        "user": "anna",
    }
    await post("redact", **body)
    assert {name: upstream.seen[0][name] for name in body} == body


async def streamed(post: Post, action: str) -> list[dict[str, Any]]:
    answer = await post(action, **user("x"), stream=True, n=2)
    data = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    return [json.loads(line) for line in data[:-1]]


def merged(said: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """The texts of each choice put together, as clients do."""
    whole: dict[int, dict[str, Any]] = {}
    for event in said:
        for choice in event["choices"]:
            of = whole.setdefault(choice["index"], {})
            for path, text in texts_by_path(choice["delta"]):
                of[path] = of.get(path, "") + text
    return whole


def texts_by_path(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from texts_by_path(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from texts_by_path(item, path)
    elif isinstance(value, str):
        yield path, value
