"""Each dialect of the protocol, as the servers' documentation and users show it, ends up as the official client expects it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai as lib
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion

from guard_core.settings import Settings
from guard_store.spending.amounts import Amount
from serving.app import Services
from serving.audit.entry import AuditEntry
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.chat.stream import ChatStream
from serving.gateway.policy.policy import Policy
from serving.gateway.policy.rules import PolicyRules
from serving.gateway.protocols.chat import CHAT, DONE, ChatEventWriter
from serving.gateway.upstreams.decoding import join_parts
from serving.gateway.upstreams.events import BrokenStreamError
from tests.support.gateway import message, wait_for_calls
from tests.support.ledger import read_ledger
from tests.support.settings import with_values
from tests.support.upstream import Upstream

STREAMS = Path(__file__).parent / "streams"
POLICY = "default: {denylist: {terms: []}, pii: {ssn: redact}}"
REDACTED = "My SSN is [SSN_1], keep it safe."
HELLO = "Hello there."
CALLS: tuple[tuple[str, Any], ...] = (("get_weather", {"city": "Oslo"}), ("get_time", {}))
USAGE = Amount(tokens_in=10, tokens_out=8)


@dataclass(frozen=True)
class Dialect:
    """A stream, and what it means."""

    name: str
    text: str | None = REDACTED
    calls: tuple[tuple[str, Any], ...] = ()
    usage: Amount = USAGE


def _usage(tokens_in: int = 10, tokens_out: int = 8, **more: Any) -> Amount:
    return Amount(tokens_in=tokens_in, tokens_out=tokens_out, **more)


DIALECTS = (
    Dialect("ollama"),
    Dialect("ollama-tools", None, CALLS),
    Dialect("azure"),
    Dialect("azure-annotation", "Hello there."),
    Dialect("mistral", usage=_usage(tokens_cached=4)),
    Dialect("mistral-tools", None, CALLS),
    Dialect("xai", usage=_usage(32, 369, tokens_cached=6, tokens_reasoning=360)),
    Dialect("vllm"),
    Dialect("vllm-tools", None, CALLS),
    Dialect("vllm-new-ids", None, CALLS),
    Dialect("sglang-tools", None, CALLS),
    Dialect("gemini", usage=_usage(tokens_out=48, estimated=True)),
    Dialect("gemini-tools", None, CALLS),
    Dialect("deepseek", usage=_usage(tokens_cached=6, tokens_reasoning=3)),
    Dialect("openrouter", usage=_usage(tokens_cached=2)),
    Dialect("moonshot", usage=_usage(tokens_cached=5)),
    Dialect("anthropic-cache", usage=_usage(tokens_cached=6)),
    Dialect("finish-reason-empty"),
    Dialect("finish-reason-with-text"),
    Dialect("empty-id", None, CALLS[:1]),
    Dialect("no-index", None, (("get_weather", {}), ("get_time", {}))),
    Dialect("index-gaps", HELLO, CALLS),
    Dialect("no-object"),
    Dialect("no-done", HELLO),
    Dialect("no-last-line-feed", HELLO),
    Dialect("no-finish-reason"),
    Dialect("reasoning-beside", "Hello.", usage=_usage(32, 369, tokens_reasoning=360)),
    Dialect("reasoning-twice", HELLO, usage=_usage(10, 13, estimated=True)),
    Dialect("groq"),
    Dialect("together"),
    Dialect("perplexity"),
    Dialect("vllm-token-ids"),
    Dialect("arguments-objects", None, CALLS[:1]),
    Dialect("usage-floats", HELLO),
    Dialect("whole-message"),
    Dialect("whole-message-tools", None, CALLS),
    Dialect("data-lines", HELLO),
    Dialect("byte-order-mark", HELLO),
    Dialect("carriage-returns", HELLO),
    Dialect("openrouter-annotations"),
    Dialect("json-body"),
    Dialect("json-body-indented"),
    Dialect("json-body-done"),
    Dialect("finish-reason-each"),
    Dialect("delta-null"),
    Dialect("tool-calls-object", None, CALLS[:1]),
    Dialect("null-fields", None, CALLS[:1]),
    Dialect("null-usage", HELLO, usage=_usage(10, 3, estimated=True)),
    Dialect("usage-texts", HELLO),
    Dialect("usage-of-the-prompt", HELLO, usage=_usage(10, 3, estimated=True)),
    Dialect("surrogate-halves", "Hello\U0001f600 \ufffd there.\ufffd"),
    Dialect("infinite-logprobs", HELLO),
    Dialect("byte-order-mark-json"),
    Dialect("number-ids", None, CALLS),
    Dialect("text-indexes"),
    Dialect("message-after-deltas"),
    Dialect("message-after-tools", None, CALLS[:1]),
    Dialect("number-tokens"),
    Dialect("null-events"),
    Dialect("azure-documents"),
)
each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICY)
    return with_values(settings, llm_policies=path, llm_fallbacks=(), llm_retries=0)


def _read(name: str) -> bytes:
    return (STREAMS / f"{name}.sse").read_bytes()


def _chat_stream(*, is_strict: bool = True) -> ChatStream:
    rules = PolicyRules.model_validate({"pii": {"ssn": "redact"}} if is_strict else {})
    session = PolicySession(Policy(rules), "/v1/chat/completions", AuditEntry({"type": "http"}))
    return ChatStream(session, CHAT.events(), ChatEventWriter(), wants_usage=False, prompt_tokens=10, keeps_texts=False)


def _complete(stream: ChatStream, pieces: list[bytes]) -> bytes:
    """Return what goes out of a stream that arrives in pieces."""
    out = b"".join([stream.feed(piece) for piece in pieces])
    return out + (b"" if stream.ended else stream.finish()) + DONE


def _judge(body: bytes) -> ChatCompletion:
    """Return the answer that the official client reads from the bytes of a stream."""
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, content=body, headers={"Content-Type": "text/event-stream"})
    )
    with (
        OpenAI(base_url="http://judge/v1", api_key="k", http_client=httpx.Client(transport=transport)) as client,
        client.chat.completions.stream(model="m", messages=[message("x")]) as stream,
    ):
        return stream.get_final_completion()


def _check(answer: ChatCompletion, dialect: Dialect, text: str | None) -> None:
    (choice,) = answer.choices
    calls = choice.message.tool_calls or []
    functions = [call.function for call in calls if call.type != "custom"]  # Mistral leaves the type out
    assert (choice.message.content or None) == text
    assert tuple((function.name, json.loads(function.arguments)) for function in functions) == dialect.calls
    assert all(isinstance(call.id, str) for call in calls)
    assert answer.id != ""
    assert choice.message.role in ("assistant", None)  # one server leaves it out


@each_dialect
def test_a_dialect_means_the_same_however_its_bytes_arrive(dialect: Dialect) -> None:
    data = _read(dialect.name)
    for pieces in ([data], [data[place : place + 1] for place in range(len(data))]):
        stream = _chat_stream()
        _check(_judge(_complete(stream, pieces)), dialect, dialect.text)
        assert stream.usage == dialect.usage


@each_dialect
def test_a_dialect_may_be_cut_in_two_at_every_byte(dialect: Dialect) -> None:
    data = _read(dialect.name)
    whole = _complete(_chat_stream(is_strict=False), [data])
    for place in range(1, len(data)):
        assert _complete(_chat_stream(is_strict=False), [data[:place], data[place:]]) == whole, place


@each_dialect
async def test_a_dialect_over_http(
    openai: AsyncOpenAI, upstream: Upstream, services: Services, dialect: Dialect
) -> None:
    upstream.stream = _read(dialect.name)
    async with openai.chat.completions.stream(model="stub", messages=[message("x")]) as stream:
        _check(await stream.get_final_completion(), dialect, dialect.text)
    (row,) = await wait_for_calls(services, 1)
    usage = dialect.usage
    assert row["status"] == 200
    assert row["tokens_estimated"] == usage.estimated
    assert (row["tokens_out"], row["tokens_cached"]) == (usage.tokens_out, usage.tokens_cached)
    assert row["flags"] == ("response.pii.ssn" if dialect.text == REDACTED else "")


async def test_a_connection_that_breaks_after_the_whole_answer_takes_nothing_back(
    openai: AsyncOpenAI, upstream: Upstream, services: Services
) -> None:
    upstream.stream, upstream.breaks_off = _read("no-done"), True
    async with openai.chat.completions.stream(model="stub", messages=[message("x")]) as stream:
        assert (await stream.get_final_completion()).choices[0].message.content == HELLO
    (row,) = await wait_for_calls(services, 1)
    assert (row["tokens_out"], row["tokens_estimated"]) == (8, False)


async def test_a_connection_that_breaks_before_is_a_broken_stream(openai: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.stream, upstream.breaks_off = _read("no-done").partition(b"\n\n")[0], True
    with pytest.raises(lib.APIError, match="broke"):
        async for _ in await openai.chat.completions.create(model="stub", messages=[message("x")], stream=True):
            pass


def test_a_stream_without_any_answer_is_broken() -> None:
    stream = _chat_stream()
    stream.feed(b": OPENROUTER PROCESSING\n\n")
    with pytest.raises(BrokenStreamError, match="without an answer"):
        stream.finish()


def test_an_event_cut_off_after_the_whole_answer_is_left_out() -> None:
    stream = _chat_stream()
    out = stream.feed(_read("no-done") + b'data: {"id"') + stream.finish()
    assert _judge(out + DONE).choices[0].message.content == HELLO
    assert stream.usage == USAGE


@pytest.mark.parametrize("name", ["together", "perplexity", "vllm-token-ids"])
def test_fields_that_repeat_the_delta_reach_the_caller_only_under_a_policy_that_changes_nothing(name: str) -> None:
    strict, open_ = (_complete(_chat_stream(is_strict=is_strict), [_read(name)]) for is_strict in (True, False))
    repeated = (b'"token_id', b'"message":', b'"text":')
    assert [field in strict for field in repeated] == [False] * 3
    assert any(field in open_ for field in repeated)


def test_text_held_back_from_a_part_goes_out_in_a_part_of_its_type() -> None:
    out = _complete(_chat_stream(), [_read("mistral-thinking")])
    events = [json.loads(line[6:]) for line in out.decode().split("\n") if line.startswith("data: {")]
    parts = [choice["delta"].get("content") for event in events for choice in event["choices"]]
    thinking = [
        {"type": "thinking", "thinking": [{"type": "text", "text": text}]} for text in ("Okay, ", "[SSN_1] ", "end")
    ]
    assert [part for part in parts if isinstance(part, list)] == [[part] for part in thinking]


def test_a_text_that_goes_on_in_another_form_is_checked_as_one() -> None:
    data = _read("parts-then-text")
    for pieces in ([data], [data[place : place + 1] for place in range(len(data))]):
        out = _complete(_chat_stream(), pieces)
        events = [json.loads(line[6:]) for line in out.decode().split("\n") if line.startswith("data: {")]
        contents = [choice["delta"].get("content") for event in events for choice in event["choices"]]
        assert "".join(map(join_parts, contents)) == REDACTED


@pytest.mark.parametrize(
    "event",
    [
        b'error: {"code":500,"message":"context shift is disabled"}',
        b'data: {"object":"error","message":"context shift is disabled","code":500}',
        b'event: error\ndata: {"type":"error","message":"context shift is disabled"}',
        b'{"error":{"message":"context shift is disabled","type":"api_error","param":null,"code":null}}',
        b"event: error\ndata: context shift is disabled",
        b'event: error\ndata: {"message":"context shift is disabled","code":500}',
        b'data: {"choices":[],"x_groq":{"error":"context shift is disabled"}}',
        b'data: {"choices":[{"delta":{},"finish_reason":"error","error":{"message":"context shift is disabled"}}]}',
    ],
)
def test_an_error_in_place_of_an_event_is_no_end_of_the_answer(event: bytes) -> None:
    stream = _chat_stream()
    with pytest.raises(BrokenStreamError, match="the upstream reports: context shift is disabled"):
        _complete(stream, [_read("no-done").partition(b"\n\n")[0] + b"\n\n" + event + b"\n\n"])


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "model overloaded"}}',
        b'[{\n "error": {"code": 400, "message": "model overloaded"}\n}\n]\n',
        b'{"error": {"message": "model overloaded"}}\n\ndata: [DONE]\n\n',
        b'{\r\n "error": {"message": "model overloaded"}\r\n}\r\ndata: [DONE]\r\n\r\n',
    ],
)
def test_an_error_in_place_of_a_stream_goes_through_in_its_words(body: bytes) -> None:
    with pytest.raises(BrokenStreamError, match="the upstream reports: model overloaded"):
        _complete(_chat_stream(), [body[:25], body[25:]])


@pytest.mark.parametrize(
    "body",
    [
        b'{"detail": "Model not loaded"}',
        b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Model not loaded"}',
        b'{"success":false,"errors":[{"code":7000,"message":"Model not loaded"}],"result":null}',
    ],
)
def test_the_reason_why_no_answer_arrived_goes_through(body: bytes) -> None:
    with pytest.raises(BrokenStreamError, match=r"without an answer: .*Model not loaded"):
        _complete(_chat_stream(), [body])


def test_choices_without_an_index_are_told_apart_by_their_position() -> None:
    deltas = ([("One, ", None), ("two, ", None)], [("one.", "stop"), ("two.", "stop")])
    choices = [[{"delta": {"content": text}, "finish_reason": end} for text, end in event] for event in deltas]
    data = b"".join(b"data: " + json.dumps({"id": "c", "choices": event}).encode() + b"\n\n" for event in choices)
    answer = _judge(_complete(_chat_stream(), [data]))
    assert [choice.message.content for choice in answer.choices] == ["One, one.", "two, two."]


def test_text_after_a_finish_reason_that_was_sent_ends_the_stream() -> None:
    choices = [(0, "123-4", "stop"), (1, "Hello", None), (0, "5-6789", "stop")]
    data = b"".join(
        b"data: "
        + json.dumps({"choices": [{"index": n, "delta": {"content": text}, "finish_reason": end}]}).encode()
        + b"\n\n"
        for n, text, end in choices
    )
    with pytest.raises(BrokenStreamError, match="continues a choice after its end"):
        _complete(_chat_stream(), [data])


@pytest.mark.parametrize(("is_strict", "audio"), [(True, ["QUJD", "", ""]), (False, ["QUJD", "REVG", "R0hJ"])])
def test_audio_is_empty_once_its_transcript_was_redacted(is_strict: bool, audio: list[str]) -> None:
    pieces = [
        {"data": "QUJD"},
        {"transcript": "My SSN is "},
        {"transcript": "123-45-6789, ok."},
        {"data": "REVG"},
        {"data": "R0hJ"},
    ]
    deltas: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"audio": {"id": "a", **piece}}, "finish_reason": None}]} for piece in pieces
    ]
    deltas.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    data = b"".join(b"data: " + json.dumps({"id": "c", **delta}).encode() + b"\n\n" for delta in deltas)
    events = [
        json.loads(line[6:])
        for line in _complete(_chat_stream(is_strict=is_strict), [data]).splitlines()
        if line[:7] == b"data: {"
    ]
    parts = [choice["delta"].get("audio") or {} for event in events for choice in event["choices"]]
    transcript = "".join(part.get("transcript", "") for part in parts)
    assert transcript == ("My SSN is [SSN_1], ok." if is_strict else "My SSN is 123-45-6789, ok.")
    assert [part["data"] for part in parts if "data" in part] == audio


def test_a_picture_of_some_megabytes_comes_in_one_event() -> None:
    image: dict[str, Any] = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 2**20}}
    delta: dict[str, Any] = {"role": "assistant", "content": HELLO, "images": [image]}
    choices = [{"index": 0, "delta": delta, "finish_reason": "stop"}]
    data = b"data: " + json.dumps({"id": "c", "choices": choices}).encode() + b"\n\n"
    assert _judge(_complete(_chat_stream(is_strict=False), [data])).choices[0].message.content == HELLO


def test_an_annotation_of_a_choice_goes_through() -> None:
    out = _complete(_chat_stream(), [_read("azure")])
    assert b'"check_offset":44' in out


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "Your input was flagged by moderation"), (403, "Content violates usage guidelines. Failed check: SAFETY")],
)
async def test_a_refusal_of_one_request_goes_through_and_stops_nobody_else(
    openai: AsyncOpenAI, upstream: Upstream, status: int, words: str
) -> None:
    upstream.fail, upstream.error = [status] * 8, {"message": words, "code": status}
    for _ in range(8):
        with pytest.raises(lib.PermissionDeniedError, match=words):
            await openai.chat.completions.create(model="stub", messages=[message("x")])
    upstream.error = {}
    await openai.chat.completions.create(model="stub", messages=[message("x")])


@pytest.mark.parametrize(
    ("status", "words", "cure"),
    [
        (403, "You do not have access to this model", "refuses the guard's own key"),
        (403, "Your API key is disabled", "refuses the guard's own key"),
        (402, "Insufficient Balance", "has no credit left for the guard's own key"),
    ],
)
async def test_a_refusal_of_the_key_says_how_to_mend_it(
    openai: AsyncOpenAI, upstream: Upstream, status: int, words: str, cure: str
) -> None:
    upstream.fail, upstream.error = [status], {"message": words}
    with pytest.raises(lib.InternalServerError, match=cure):
        await openai.chat.completions.create(model="stub", messages=[message("x")])


async def test_an_error_in_the_middle_of_a_stream_goes_through_in_its_words(
    openai: AsyncOpenAI, upstream: Upstream, services: Services
) -> None:
    upstream.stream = _read("openrouter-error")
    with pytest.raises(lib.APIError, match="Provider disconnected unexpectedly"):
        async for _ in await openai.chat.completions.create(model="stub", messages=[message("x")], stream=True):
            pass
    (row,) = await wait_for_calls(services, 1)
    assert (row["tokens_out"], row["tokens_estimated"]) == (3, True)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"message": "too long"}, "too long"),
        ({"message": {"detail": ["too long"]}}, '{"detail":["too long"]}'),
        (["too", "long"], '["too","long"]'),
        ("too long", "too long"),
        ({"code": 7}, '{"code":7}'),
    ],
)
def test_an_error_in_a_stream_has_words_in_any_shape(error: Any, words: str) -> None:
    data = b"data: " + json.dumps({"error": error}).encode() + b"\n\n"
    with pytest.raises(BrokenStreamError) as raised:
        _chat_stream().feed(data)
    assert str(raised.value) == f"the upstream reports: {words}"


async def test_a_server_that_refuses_stream_options_streams_without_them(
    openai: AsyncOpenAI, upstream: Upstream, services: Services
) -> None:
    refusal = json.loads((STREAMS / "stream-options-refused.json").read_bytes())
    upstream.refusal = (refusal["status"], json.dumps(refusal["body"]).encode())
    for _ in range(2):
        chunks = await openai.chat.completions.create(model="stub", messages=[message("Hello there, you")], stream=True)
        text = "".join([choice.delta.content or "" async for chunk in chunks for choice in chunk.choices])
        assert text.strip() == "Hello there, you"
    assert ["stream_options" in body for body in upstream.seen] == [True, False, False]
    rows = await wait_for_calls(services, 2)
    assert {row["tokens_estimated"] for row in rows} == {True}
    assert [json.loads(row["details"])["attempts"] for row in rows] == [1, 2]


async def test_a_caller_that_sends_stream_options_gets_the_refusal_in_its_words(
    openai: AsyncOpenAI, upstream: Upstream
) -> None:
    refusal = json.loads((STREAMS / "stream-options-refused.json").read_bytes())
    upstream.refusal = (refusal["status"], json.dumps(refusal["body"]).encode())
    with pytest.raises(lib.BadRequestError, match="Extra inputs are not permitted"):
        await openai.chat.completions.create(
            model="stub", messages=[message("x")], stream=True, stream_options={"include_usage": True}
        )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "stream_options: too new", "code": "c"}}', "stream_options: too new"),
        (b'[{"error": {"code": 400, "message": "stream_options: bad", "status": "X"}}]', "stream_options: bad"),
        (b'{"code": "Client error", "error": "stream_options: no"}', "stream_options: no"),
        (b'{"object": "error", "message": "stream_options: no", "code": 400}', "stream_options: no"),
        (b'{"detail": [{"loc": ["stream_options"]}]}', r'\[{"loc":\["stream_options"\]}\]'),
        (b"stream_options: not a field", "stream_options: not a field"),
        (b'"stream_options?"', r"stream_options\?"),
    ],
)
async def test_an_error_goes_through_in_whatever_shape_it_came(
    openai: AsyncOpenAI, upstream: Upstream, body: bytes, words: str
) -> None:
    upstream.refusal = (400, body)
    with pytest.raises(lib.BadRequestError, match=words):
        await openai.chat.completions.create(
            model="stub", messages=[message("x")], extra_body={"stream_options": {"include_usage": True}}
        )


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": 502, "message": "Provider returned error"}},
        {"error": {"code": 502, "message": "Provider returned error"}, "choices": []},
        {"choices": [{"index": 0, "finish_reason": "error", "error": {"message": "Provider returned error"}}]},
        {"detail": "Provider returned error"},
    ],
)
async def test_an_error_in_place_of_a_whole_answer_goes_through_in_its_words(
    openai: AsyncOpenAI, upstream: Upstream, services: Services, answer: dict[str, Any]
) -> None:
    upstream.answer = answer
    with pytest.raises(lib.InternalServerError, match="Provider returned error"):
        await openai.chat.completions.create(model="stub", messages=[message("x")])
    assert read_ledger(services, route="/v1/chat/completions")[0]["status"] == 502


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": 502, "message": "Provider returned error"}},
        {"error": {"code": 502, "message": "Provider returned error"}, "data": []},
        {"object": "error", "message": "Provider returned error", "code": 502},
        {"detail": "Provider returned error"},
    ],
)
async def test_an_error_in_place_of_embeddings_goes_through_in_its_words(
    openai: AsyncOpenAI, upstream: Upstream, services: Services, answer: dict[str, Any]
) -> None:
    upstream.answer = answer
    with pytest.raises(lib.InternalServerError, match="Provider returned error"):
        await openai.embeddings.create(model="stub", input="x")
    assert read_ledger(services, route="/v1/embeddings")[0]["status"] == 502


@pytest.mark.parametrize("status", [201, 203])
async def test_every_status_of_success_is_one(openai: AsyncOpenAI, upstream: Upstream, status: int) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": HELLO}, "finish_reason": "stop"}
    upstream.answer, upstream.answer_status = {"choices": [choice]}, status
    completion = await openai.chat.completions.create(model="stub", messages=[message("x")])
    assert completion.choices[0].message.content == HELLO


async def test_arguments_of_a_whole_answer_are_a_text(openai: AsyncOpenAI, upstream: Upstream) -> None:
    calls = [{"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Oslo"}}}]
    answer = {"role": "assistant", "content": None, "tool_calls": calls}
    upstream.answer = {"choices": [{"index": 0, "message": answer, "finish_reason": "tool_calls"}]}
    completion = await openai.chat.completions.create(model="stub", messages=[message("x")])
    (call,) = completion.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert json.loads(call.function.arguments) == {"city": "Oslo"}


async def test_a_whole_answer_has_indexes_ids_and_usage_as_openai_sends_them(
    openai: AsyncOpenAI, upstream: Upstream, services: Services
) -> None:
    calls = [{"id": 17, "type": "function", "function": {"name": "get_time", "arguments": "{}"}}]
    messages: list[dict[str, Any]] = [{"content": HELLO}, {"content": None, "tool_calls": calls}]
    usage = {"prompt_tokens": "10", "completion_tokens": "8", "total_tokens": "18"}
    upstream.answer = {"choices": [{"message": text, "finish_reason": "stop"} for text in messages], "usage": usage}
    completion = await openai.chat.completions.create(model="stub", messages=[message("x")], n=2)
    assert [choice.index for choice in completion.choices] == [0, 1]
    assert [call.id for call in completion.choices[1].message.tool_calls or []] == ["17"]
    (row,) = await wait_for_calls(services, 1)
    assert (row["tokens_in"], row["tokens_out"], row["tokens_estimated"]) == (10, 8, False)


@pytest.mark.parametrize(
    "answer",
    [
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": "stop"}]},
        {"choices": []},
        {"object": "chat.completion"},  # of Gemini, for a prompt that it blocks
    ],
)
async def test_an_answer_without_text_costs_the_prompt_alone(
    openai: AsyncOpenAI, upstream: Upstream, services: Services, answer: dict[str, Any]
) -> None:
    upstream.answer = {**answer, "usage": {"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10}}
    completion = await openai.chat.completions.create(model="stub", messages=[message("x")])
    assert [choice.message.content or "" for choice in completion.choices] in ([""], [])
    (row,) = await wait_for_calls(services, 1)
    assert (row["tokens_in"], row["tokens_out"], row["tokens_estimated"]) == (10, 0, False)


async def test_usage_without_tokens_for_a_text_is_estimated(
    openai: AsyncOpenAI, upstream: Upstream, services: Services
) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10}
    choice = {"index": 0, "message": {"content": HELLO}, "finish_reason": "stop"}
    upstream.answer = {"choices": [choice], "usage": usage}
    await openai.chat.completions.create(model="stub", messages=[message("x")])
    (row,) = await wait_for_calls(services, 1)
    assert (row["tokens_in"], row["tokens_out"], row["tokens_estimated"]) == (10, 3, True)


async def test_reasoning_in_several_fields_is_counted_once_where_tokens_are_estimated(
    openai: AsyncOpenAI, upstream: Upstream, services: Services
) -> None:
    reasoning = "The user greets me. " * 20
    details = [{"type": "reasoning.text", "text": reasoning}]
    repeated = {"reasoning": reasoning, "reasoning_content": reasoning, "reasoning_details": details}
    answer = {"role": "assistant", "content": HELLO, **repeated}
    upstream.answer = {"choices": [{"index": 0, "message": answer, "finish_reason": "stop"}]}
    history: Any = answer
    await openai.chat.completions.create(model="stub", messages=[history, message("x")])
    (row,) = await wait_for_calls(services, 1)
    assert row["tokens_estimated"]
    assert 103 <= row["tokens_out"] <= 115
    assert 103 <= row["tokens_in"] <= 115


async def test_encoded_bytes_are_not_text_where_tokens_are_estimated(
    openai: AsyncOpenAI, upstream: Upstream, services: Services
) -> None:
    encoded = "QUJD" * 25_000
    parts: list[Any] = [
        {"type": "text", "text": "What is this?"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{encoded}"}},
        {"type": "input_audio", "input_audio": {"data": encoded, "format": "wav"}},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}},
    ]
    await openai.chat.completions.create(model="stub-silent", messages=[message(parts)], stream=False)
    (row,) = await wait_for_calls(services, 1)
    assert row["tokens_estimated"]
    assert row["tokens_in"] < 50
