"""OpenAI's own client works by changing its base URL and key alone."""

from typing import Any

import aiohttp
import openai as lib
import pytest
from openai import AsyncOpenAI

from serving.app import Services
from tests.support.ledger import read_ledger
from tests.support.upstream import KEY, Upstream

HELLO: list[Any] = [{"role": "user", "content": "Hello there, how are you today?"}]
TOOLS: list[Any] = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


async def test_chat(openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(model="stub", messages=HELLO)
    assert answer.choices[0].message.content == "Hello there, how are you today?"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (6, 6)


async def test_a_stream_has_the_same_words_and_no_usage_that_was_not_asked_for(openai: AsyncOpenAI) -> None:
    said, usages = [], []
    async for chunk in await openai.chat.completions.create(model="stub", messages=HELLO, stream=True):
        said += [choice.delta.content or "" for choice in chunk.choices]
        usages.append(chunk.usage)
    assert "".join(said).strip() == "Hello there, how are you today?"
    assert set(usages) == {None}


async def test_a_stream_tells_its_usage_where_it_is_asked_for(openai: AsyncOpenAI) -> None:
    stream = await openai.chat.completions.create(
        model="stub", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (6, 6)


async def test_tools_go_through(openai: AsyncOpenAI, upstream: Upstream) -> None:
    answer = await openai.chat.completions.create(model="stub", messages=HELLO, tools=TOOLS, tool_choice="auto")
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Paris", "days": 3}')
    assert upstream.seen[0]["tools"] == TOOLS
    assert upstream.seen[0]["tool_choice"] == "auto"


async def test_streamed_tools_go_through(openai: AsyncOpenAI) -> None:
    arguments, names, reasons = "", [], []
    async for chunk in await openai.chat.completions.create(model="stub", messages=HELLO, tools=TOOLS, stream=True):
        for choice in chunk.choices:
            reasons.append(choice.finish_reason)
            for call in choice.delta.tool_calls or []:
                assert call.function is not None
                names.append(call.function.name)
                arguments += call.function.arguments or ""
    assert arguments == '{"city": "Paris", "days": 3}'
    assert [name for name in names if name] == ["weather"]
    assert reasons[-1] == "tool_calls"


async def test_embeddings(openai: AsyncOpenAI) -> None:
    answer = await openai.embeddings.create(model="stub", input=["a b", "abc"], encoding_format="float")
    assert [one.embedding for one in answer.data] == [[0.5, 3.0], [0.5, 3.0]]
    assert answer.usage.prompt_tokens == 3


async def test_models(openai: AsyncOpenAI) -> None:
    assert [model.id async for model in openai.models.list()] == ["stub"]


async def test_a_model_is_retrieved_by_its_id_which_may_contain_slashes(
    openai: AsyncOpenAI, upstream: Upstream
) -> None:
    upstream.models_listed = ["stub", "meta-llama/Llama-3"]
    for model_id in upstream.models_listed:
        model = await openai.models.retrieve(model_id)
        assert (model.id, model.object, model.owned_by) == (model_id, "model", "t")


async def test_an_unknown_model_is_not_found(openai: AsyncOpenAI) -> None:
    with pytest.raises(lib.NotFoundError, match="'meta-llama/Llama-9' does not exist") as error:
        await openai.models.retrieve("meta-llama/Llama-9")
    assert error.value.code == "model_not_found"


async def test_a_model_is_read_for_a_project_of_the_caller_only(openai: AsyncOpenAI, services: Services) -> None:
    await openai.models.retrieve("stub")
    (row,) = read_ledger(services, route="/v1/models/{model_id}")
    assert (row["status"], row["project_id"]) == (200, read_ledger(services)[0]["project_id"])
    with pytest.raises(lib.PermissionDeniedError, match="of project "):
        await openai.models.retrieve("stub", extra_headers={"X-ML-Guard-Project": "other"})


async def test_a_prompt_of_the_registry_is_selected_by_name(
    openai: AsyncOpenAI, upstream: Upstream, services: Services
) -> None:
    variables = {"question": "Why?", "passages": [{"source": "a.md", "text": "Because."}], "grounded": True}
    extra = {"prompt": {"id": "query", "version": "1", "variables": variables}}
    await openai.chat.completions.create(model="stub", messages=HELLO, extra_body=extra)
    sent = upstream.seen[0]
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "user"]
    assert "[1] (a.md)" in sent["messages"][1]["content"]
    assert sent["temperature"] == 0
    assert "prompt" not in sent
    (row,) = read_ledger(services, route="/v1/chat/completions")
    assert row["prompt"] == "query@1"
    assert row["prompt_hash"] == services.prompts.get("query", 1).hash


async def test_a_wrong_key_is_an_authentication_error(url: str) -> None:
    async with AsyncOpenAI(base_url=url, api_key="mlg_wrong", max_retries=0) as client:
        with pytest.raises(lib.AuthenticationError, match="key is unknown"):
            await client.chat.completions.create(model="stub", messages=HELLO)


async def test_an_unknown_project_is_not_found(url: str, services: Services) -> None:
    _, secret = services.keys.create("app", "analyst", None)
    async with AsyncOpenAI(base_url=url, api_key=secret, max_retries=0) as client:
        with pytest.raises(lib.NotFoundError, match="no project"):
            await client.chat.completions.create(
                model="stub", messages=HELLO, extra_headers={"X-ML-Guard-Project": "no"}
            )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"messages": []}, "messages"),
        ({"n": 0}, "n"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"user": "u" * 200}, "user"),
        ({"extra_body": {"prompt": {"id": "nothing"}}}, "prompt"),
        ({"extra_body": {"prompt": {"id": "query", "variables": {}}}}, "prompt"),
        ({"extra_body": {"stream_options": 3, "stream": True}}, "stream_options"),
    ],
)
async def test_what_is_malformed_is_a_bad_request_that_names_the_field(
    openai: AsyncOpenAI, upstream: Upstream, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(lib.BadRequestError) as raised:
        await openai.chat.completions.create(**{"model": "stub", "messages": HELLO, **change})
    assert raised.value.param == field
    assert upstream.requests == 0


async def test_an_upstreams_own_error_goes_through_in_its_words(openai: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.fail = [404]
    with pytest.raises(lib.NotFoundError, match="failed with 404") as raised:
        await openai.chat.completions.create(model="stub", messages=HELLO)
    assert (raised.value.code, raised.value.param) == ("nope", "model")


async def test_the_guards_own_key_is_never_shown(
    openai: AsyncOpenAI, upstream: Upstream, spare: Upstream, services: Services
) -> None:
    for each in services.gateway.upstreams:
        each.headers = {"Authorization": "Bearer wrong-" + KEY}
    with pytest.raises(lib.InternalServerError, match="refuses the guard's own key") as raised:
        await openai.chat.completions.create(model="stub", messages=HELLO)
    assert raised.value.status_code == 502
    assert KEY not in str(raised.value)
    assert (upstream.requests, spare.requests) == (1, 1)


async def test_a_silent_upstream_is_a_gateway_timeout(
    openai: AsyncOpenAI, upstream: Upstream, spare: Upstream, services: Services
) -> None:
    upstream.delay_s = spare.delay_s = 30
    services.gateway.upstreams._session._timeout = aiohttp.ClientTimeout(total=10, sock_read=0.2)  # type: ignore[union-attr]
    with pytest.raises(lib.APIError, match="silent for too long"):
        async for _ in await openai.chat.completions.create(model="stub", messages=HELLO, stream=True):
            pass


async def test_where_no_upstream_is_left_it_is_a_bad_gateway(
    openai: AsyncOpenAI, upstream: Upstream, spare: Upstream
) -> None:
    upstream.fail, spare.fail = [500] * 9, [0] * 9
    with pytest.raises(lib.InternalServerError, match=r"cannot be reached") as raised:
        await openai.chat.completions.create(model="stub", messages=HELLO)
    assert raised.value.status_code == 502
