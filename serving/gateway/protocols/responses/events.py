"""A server's stream of events of a response, read as chunks of a chat completion."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from serving.gateway.protocols.responses.answer import (
    annotation_to_chat,
    answer_to_chat,
    finish_reason_of,
    usage_to_chat,
)
from serving.gateway.protocols.responses.reasoning import (
    ENCRYPTED,
    SUMMARY,
    TEXT,
    TEXT_FIELDS,
    build_detail,
    text_of_detail,
)
from serving.gateway.protocols.responses.tools import KINDS, KINDS_BY_CALL, ToolKind
from serving.gateway.upstreams.decoding import list_objects
from serving.gateway.upstreams.events import DONE_MARK, Events, find_error, parse_event
from serving.http.server_sent_events import encode_data

Delta = dict[str, Any]

_FAILED: Final = "response.failed"
_ENDED: Final = frozenset({"response.completed", "response.incomplete"})
_DELTAS: Final = {
    "response.output_text.delta": ("output_text", "content_index"),
    "response.refusal.delta": ("refusal", "content_index"),
    "response.reasoning_summary_text.delta": ("summary_text", "summary_index"),
    "response.reasoning_text.delta": ("reasoning_text", "content_index"),
}
"""Type of the part, and field with its index, by the type of an event that adds to it."""
_DETAILS: Final = {"summary_text": SUMMARY, "reasoning_text": TEXT}
_CALL_DELTAS: Final = {kind.delta: kind for kind in KINDS.values()}


class ResponsesEvents(Events):
    """Reads the events of a response.

    Texts are sent on as they arrive. What arrives only with the end of its item, or of the response, is sent on then: not every
    server sends all events.
    """

    def __init__(self) -> None:
        super().__init__()
        self._chunks: deque[bytes] = deque()
        self._head: dict[str, Any] = {}
        self._sent: set[tuple[Any, ...]] = set()  # parts, calls and annotations that have been sent on
        self._calls: dict[Any, int] = {}  # index of each tool call, by the place of its item
        self._details: dict[tuple[Any, ...], int] = {}  # index of each detail of the reasoning

    def next(self) -> bytes | None:
        """Return the data of the next chunk; as `Events.next`."""
        while not self._chunks:
            data = super().next()
            if not data or data.startswith(DONE_MARK):
                return data
            self._chunks.extend(self._read(parse_event(data)))
        return self._chunks.popleft()

    def _read(self, event: dict[str, Any]) -> Iterator[bytes]:
        kind = event.get("type")
        response = event.get("response")
        response = response if isinstance(response, dict) else {}
        if kind == _FAILED:
            yield encode_data({"error": response.get("error") or {"message": "the response failed"}})
        elif find_error(event):
            yield encode_data(event)
        elif event.get("object") == "response":  # a whole answer in place of a stream
            yield encode_data(answer_to_chat(event))
        elif kind == "response.created":
            names = {"id": "id", "created_at": "created", "model": "model"}
            self._head = {name: response[field] for field, name in names.items() if response.get(field)}
            yield self._chunk({"role": "assistant", "content": ""})
        elif kind in _ENDED:
            yield from self._end(response)
        else:
            for delta, logprobs in self._deltas_of(event):
                yield self._chunk(delta, logprobs=logprobs)

    def _chunk(self, delta: Delta, finish_reason: str | None = None, logprobs: Any = None) -> bytes:
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        if logprobs:
            choice["logprobs"] = {"content": logprobs, "refusal": None}
        return encode_data({**self._head, "object": "chat.completion.chunk", "choices": [choice]})

    def _end(self, response: Mapping[str, Any]) -> Iterator[bytes]:
        output = response.get("output")
        for place, item in enumerate(output if isinstance(output, list) else ()):
            if isinstance(item, dict):
                for delta, logprobs in self._rest_of(item, place):
                    yield self._chunk(delta, logprobs=logprobs)
        yield self._chunk({}, finish_reason_of(response, has_calls=bool(self._calls)))
        usage = usage_to_chat(response.get("usage"))
        if usage:
            yield encode_data({**self._head, "object": "chat.completion.chunk", "choices": [], **usage})
        yield DONE_MARK

    def _deltas_of(self, event: Mapping[str, Any]) -> Iterable[tuple[Delta, Any]]:
        kind, place, item = event.get("type"), event.get("output_index"), event.get("item")
        if kind in _DELTAS:
            part_type, index = _DELTAS[kind]
            return self._text(part_type, place, event.get(index), event.get("delta"), event)
        if kind in _CALL_DELTAS:
            return self._arguments(_CALL_DELTAS[kind], place, event.get("delta"))
        if kind == "response.output_text.annotation.added" and isinstance(event.get("annotation"), dict):
            return self._annotation(
                event["annotation"], place, event.get("content_index"), event.get("annotation_index")
            )
        if kind == "response.output_item.added" and isinstance(item, dict):
            return self._begin_call(item, place)
        if kind == "response.output_item.done" and isinstance(item, dict):
            return self._rest_of(item, place)
        return ()

    def _text(
        self, part_type: str, place: Any, index: Any, text: Any, holder: Mapping[str, Any]
    ) -> Iterator[tuple[Delta, Any]]:
        """Yield the delta of a piece of a part's text."""
        if not isinstance(text, str) or not text:
            return
        self._sent.add((part_type, place, index))
        if part_type in _DETAILS:
            item_id = holder.get("item_id") or holder.get("id")
            yield self._detail(_DETAILS[part_type], place, index, text, item_id), None
        else:
            yield {"content" if part_type == "output_text" else part_type: text}, holder.get("logprobs")

    def _detail(self, kind: str, place: Any, index: Any, text: str, item_id: Any) -> Delta:
        key = (kind, place, index)
        number = self._details.get(key)
        if number is not None:  # clients join the texts of a detail, so id and format are sent once
            detail = {"type": kind, TEXT_FIELDS[kind]: text, "index": number}
        else:
            self._details[key] = number = len(self._details)
            detail = build_detail(kind, text, item_id, number)
        readable = text_of_detail(detail)
        return {**({"reasoning": readable} if readable else {}), "reasoning_details": [detail]}

    def _annotation(self, annotation: Any, place: Any, index: Any, number: Any) -> Iterator[tuple[Delta, Any]]:
        key = ("annotation", place, index, number)
        if isinstance(annotation, dict) and key not in self._sent:
            self._sent.add(key)
            yield {"annotations": [annotation_to_chat(annotation)]}, None

    def _begin_call(self, item: Mapping[str, Any], place: Any) -> Iterator[tuple[Delta, Any]]:
        kind = KINDS_BY_CALL.get(str(item.get("type")))
        if kind is None or place in self._calls:
            return
        self._calls[place] = len(self._calls)
        function = {"name": item.get("name"), kind.argument: ""}
        call = {"index": self._calls[place], "id": item.get("call_id"), "type": kind.name, kind.name: function}
        yield {"tool_calls": [call]}, None

    def _arguments(self, kind: ToolKind, place: Any, piece: Any) -> Iterator[tuple[Delta, Any]]:
        if isinstance(piece, str) and piece:
            self._sent.add(("call", place))
            index = self._calls.setdefault(place, len(self._calls))
            yield {"tool_calls": [{"index": index, kind.name: {kind.argument: piece}}]}, None

    def _rest_of(self, item: Mapping[str, Any], place: Any) -> Iterator[tuple[Delta, Any]]:
        """Yield the deltas of a complete item that have not been sent on."""
        kind = KINDS_BY_CALL.get(str(item.get("type")))
        if kind is not None:
            yield from self._begin_call(item, place)
            if ("call", place) not in self._sent:
                yield from self._arguments(kind, place, item.get(kind.argument))
        for name in ("summary", "content"):
            for index, part in enumerate(list_objects(item.get(name))):
                yield from self._rest_of_part(item, part, place, index)
        encrypted = item.get("encrypted_content")
        if isinstance(encrypted, str) and encrypted and (ENCRYPTED, place) not in self._sent:
            self._sent.add((ENCRYPTED, place))
            yield self._detail(ENCRYPTED, place, None, encrypted, item.get("id")), None

    def _rest_of_part(
        self, item: Mapping[str, Any], part: Mapping[str, Any], place: Any, index: int
    ) -> Iterator[tuple[Delta, Any]]:
        part_type = str(part.get("type"))
        if part_type in _TEXTS and (part_type, place, index) not in self._sent:
            holder = {"id": item.get("id"), "logprobs": part.get("logprobs")}
            yield from self._text(part_type, place, index, part.get(_TEXTS[part_type]), holder)
        for number, annotation in enumerate(list_objects(part.get("annotations"))):
            yield from self._annotation(annotation, place, index, number)


_TEXTS: Final = {"output_text": "text", "refusal": "refusal", "summary_text": "text", "reasoning_text": "text"}
"""Field with the text of a part, by its type."""
