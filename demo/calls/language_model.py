"""A stand-in for a server of language models: deterministic answers in OpenAI's protocol, without a model.

A question about numbered passages is answered with a sentence of them, `Repeat: …` with the text after it, anything else with one of
a few sentences. Its models and prices are invented. The model `sample-busy` answers only at the second address, so that the first one fails.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Json = dict[str, Any]

SMALL: Final = "sample-small"
LARGE: Final = "sample-large"
BUSY: Final = "sample-busy"
EMBEDDING: Final = "sample-embedding"
PRICES: Final = {
    SMALL: {"input": 0.5, "output": 2.0},
    LARGE: {"input": 10.0, "output": 40.0},
    BUSY: {"input": 0.5, "output": 2.0},
    EMBEDDING: {"input": 0.1},
}
"""US dollars per million tokens."""

_DIMENSIONS = 8
_CHARACTERS_PER_TOKEN = 4
_ANSWERS = (
    "Most of these departures leave on time; the late ones share the last hours of the day.",
    "The wind is the likelier cause: the other departures of that hour are late as well.",
    "Two of the departures need a call to the gate, the others can wait for the next report.",
    "Nothing in these rows is unusual for the month and the hour.",
)
_DECLINED = "The sources do not answer this."
_passage = re.compile(r"^\[(\d+)\] \([^\n]*\)\n(.*?)(?=\n\[\d+\] \(|\n(?:Question|Topic): )", re.MULTILINE | re.DOTALL)
_repetition = re.compile(r"^Repeat: (.*)", re.MULTILINE)
_task = re.compile(r"^(?:Question|Topic): (.*)", re.MULTILINE | re.DOTALL)
_sentence = re.compile(r"[A-Z][^.!?\"\n]{30,300}[.!?](?=\s|$)")
_word = re.compile(r"[a-z]{4,}")


def routes() -> list[Route]:
    """Return the routes of both addresses, `/v1` and `/second/v1`."""
    return [
        Route("/v1/models", _list_models),
        Route("/v1/chat/completions", _answer_or_fail, methods=["POST"]),
        Route("/second/v1/chat/completions", _answer, methods=["POST"]),
        Route("/v1/embeddings", _embed, methods=["POST"]),
    ]


def reply(messages: list[Json]) -> str:
    """Return the answer to a conversation, the same each time."""
    prompt = "\n".join(str(message.get("content")) for message in messages)
    if repetition := _repetition.search(prompt):
        return repetition[1]
    if task := _task.search(prompt):
        return _quote(task[1], _passage.findall(prompt))
    return _ANSWERS[hashlib.sha256(prompt.encode()).digest()[0] % len(_ANSWERS)]


def _quote(task: str, passages: list[tuple[str, str]]) -> str:
    """Quote the sentence that shares most words with the task."""
    words = set(_word.findall(task.lower()))
    sentences = [(number, sentence) for number, text in passages for sentence in _sentence.findall(text)]
    shared = [len(words & set(_word.findall(sentence.lower()))) for _, sentence in sentences]
    if not any(shared):
        return _DECLINED
    number, sentence = sentences[shared.index(max(shared))]
    return f'"{sentence}" [{number}]'


async def _list_models(_: Request) -> Response:
    return JSONResponse({"object": "list", "data": [{"id": name, "object": "model"} for name in PRICES]})


async def _answer_or_fail(request: Request) -> Response:
    if (await request.json())["model"] == BUSY:
        return JSONResponse({"error": {"message": "This model is busy.", "type": "server_error"}}, 503)
    return await _answer(request)


async def _answer(request: Request) -> Response:
    body = await request.json()
    text = reply(body["messages"])
    usage = _usage(json.dumps(body["messages"]), text)
    head = {"id": "sample", "created": 0, "model": body["model"]}
    if body.get("stream"):
        return StreamingResponse(_events(head, text, usage), media_type="text/event-stream")
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return JSONResponse({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


def _events(head: Json, text: str, usage: Json) -> Iterator[str]:
    def event(choices: list[Json], **fields: Any) -> str:
        return f"data: {json.dumps({**head, 'object': 'chat.completion.chunk', 'choices': choices, **fields})}\n\n"

    for word in text.split(" "):
        yield event([{"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}])
    yield event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    yield event([], usage=usage)
    yield "data: [DONE]\n\n"


async def _embed(request: Request) -> Response:
    body = await request.json()
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    items = [{"object": "embedding", "index": n, "embedding": _vector(text)} for n, text in enumerate(texts)]
    return JSONResponse({"object": "list", "data": items, "model": body["model"], "usage": _usage("".join(texts), "")})


def _vector(text: str) -> list[float]:
    return [byte / 255 for byte in hashlib.sha256(text.encode()).digest()[:_DIMENSIONS]]


def _usage(prompt: str, answer: str) -> Json:
    tokens_in, tokens_out = (-(-len(text) // _CHARACTERS_PER_TOKEN) for text in (prompt, answer))
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}
