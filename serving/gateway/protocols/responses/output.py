"""The output of a response, put together from a message of chat completions, whole or delta by delta."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from serving.gateway.protocols.responses.reasoning import ENCRYPTED, SUMMARY, TEXT, TEXT_FIELDS, join_thinking
from serving.gateway.protocols.responses.tools import KINDS_BY_CALL, kind_of
from serving.gateway.upstreams.decoding import list_objects

Event = dict[str, Any]

_CONTENT_ADDED: Final = "response.content_part.added"
_CONTENT_DONE: Final = "response.content_part.done"
_REASONING_TEXTS: Final = ("reasoning_content", "reasoning")
_COMPLETED, _INCOMPLETE = "completed", "incomplete"


@dataclass(frozen=True, slots=True)
class _PartKind:
    """A kind of parts, and the names of its fields and events."""

    type: str
    holder: str
    text: str
    index: str
    added: str
    event: str
    done: str


_OUTPUT_TEXT: Final = _PartKind(
    "output_text", "content", "text", "content_index", _CONTENT_ADDED, "response.output_text", _CONTENT_DONE
)
_REFUSAL: Final = _PartKind(
    "refusal", "content", "refusal", "content_index", _CONTENT_ADDED, "response.refusal", _CONTENT_DONE
)
_REASONING: Final = {
    SUMMARY: _PartKind(
        "summary_text",
        "summary",
        "text",
        "summary_index",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text",
        "response.reasoning_summary_part.done",
    ),
    TEXT: _PartKind(
        "reasoning_text", "content", "text", "content_index", _CONTENT_ADDED, "response.reasoning_text", _CONTENT_DONE
    ),
}
"""Kind of the parts of a reasoning item, by the type of a detail."""


@dataclass(slots=True)
class _Part:
    kind: _PartKind
    data: dict[str, Any]
    index: int


@dataclass(slots=True)
class _Item:
    """An item, its place in the output, and its parts in the order in which they began."""

    data: dict[str, Any]
    place: int
    parts: list[_Part] = field(default_factory=list)

    def event(self, name: str, /, **fields: Any) -> Event:
        """Return an event about the item."""
        return {"type": name, "item_id": self.data["id"], "output_index": self.place, **fields}


class Output:
    """Items of an output, all open until the end: some servers go on with a text after a call of a tool.

    Events lack their `sequence_number`; each is to be encoded before the next one is drawn, because it holds the items themselves.
    """

    def __init__(self) -> None:
        self._items: list[_Item] = []
        self._message: _Item | None = None
        self._calls: dict[Any, _Item] = {}
        self._thoughts: dict[Any, _Item] = {}  # by id
        self._details: dict[tuple[Any, str], tuple[_Item, _Part | None]] = {}  # by index and type
        self._reasoning_field: str | None = None  # the first that came: some servers send the same text in several

    @property
    def items(self) -> list[dict[str, Any]]:
        """Return the items so far."""
        return [item.data for item in self._items]

    def add(self, message: Mapping[str, Any], logprobs: Any = None) -> Iterator[Event]:
        """Take a message or delta; yield the events.

        Parameters
        ----------
        logprobs : of its content.
        """
        yield from self._add_reasoning(message)
        yield from self._add_text(_OUTPUT_TEXT, _join_text(message.get("content")), list_objects(logprobs))
        yield from self._add_text(_REFUSAL, message.get("refusal"))
        for annotation in list_objects(message.get("annotations")):
            yield from self._add_annotation(annotation)
        for place, call in enumerate(list_objects(message.get("tool_calls"))):
            yield from self._add_call(call, place)

    def close(self, *, is_complete: bool) -> Iterator[Event]:
        """Yield the events that end all items; the last one is incomplete if the answer is."""
        for item in self._items:
            is_last = item is self._items[-1]
            item.data["status"] = _INCOMPLETE if is_last and not is_complete else _COMPLETED
            for part in item.parts:
                text = {part.kind.text: part.data[part.kind.text], part.kind.index: part.index}
                more = {"logprobs": part.data["logprobs"]} if part.kind is _OUTPUT_TEXT else {}
                yield item.event(f"{part.kind.event}.done", **text, **more)
                yield item.event(part.kind.done, part=part.data, **{part.kind.index: part.index})
            kind = KINDS_BY_CALL.get(item.data["type"])
            if kind is not None:
                call = {kind.argument: item.data[kind.argument], "name": item.data["name"]}
                yield item.event(kind.done, **call)
            yield {"type": "response.output_item.done", "output_index": item.place, "item": item.data}

    def _open(self, prefix: str, **fields: Any) -> tuple[_Item, Event]:
        item = _Item({"id": f"{prefix}_{uuid4().hex}", "status": "in_progress", **fields}, len(self._items))
        self._items.append(item)
        return item, {"type": "response.output_item.added", "output_index": item.place, "item": item.data}

    def _open_message(self) -> Iterator[Event]:
        if self._message is None:
            self._message, added = self._open("msg", type="message", role="assistant", content=[])
            yield added

    def _add_text(self, kind: _PartKind, text: Any, logprobs: Iterable[dict[str, Any]] = ()) -> Iterator[Event]:
        entries = list(logprobs)
        if not entries and not (isinstance(text, str) and text):
            return
        yield from self._open_message()
        message = self._require_message()
        part = next((part for part in message.parts if part.kind is kind), None)
        if part is None:
            fields: dict[str, Any] = {"annotations": [], "logprobs": []} if kind is _OUTPUT_TEXT else {}
            part, added = _begin(message, kind, **fields)
            yield added
        more = {"logprobs": entries} if kind is _OUTPUT_TEXT else {}
        if kind is _OUTPUT_TEXT:
            part.data["logprobs"] += entries
        yield _extend(message, part, text if isinstance(text, str) else "", **more)

    def _add_annotation(self, annotation: Mapping[str, Any]) -> Iterator[Event]:
        citation = annotation.get("url_citation")
        if not isinstance(citation, dict):
            return
        yield from self._open_message()
        message = self._require_message()
        part = next((part for part in message.parts if part.kind is _OUTPUT_TEXT), None)
        if part is None:
            part, added = _begin(message, _OUTPUT_TEXT, annotations=[], logprobs=[])
            yield added
        flat = {"type": "url_citation", "start_index": 0, "end_index": 0, "title": "", "url": "", **citation}
        place = len(part.data["annotations"])
        part.data["annotations"].append(flat)
        fields = {"annotation": flat, "annotation_index": place, "content_index": part.index}
        yield message.event("response.output_text.annotation.added", **fields)

    def _add_call(self, delta: Mapping[str, Any], place: int) -> Iterator[Event]:
        kind = kind_of(delta)
        index = delta.get("index", place)
        function = delta.get(kind.name)
        function = function if isinstance(function, dict) else {}
        if index not in self._calls:
            call_id = delta.get("id") or f"call_{uuid4().hex}"
            fields = {"call_id": call_id, "name": function.get("name") or "", kind.argument: ""}
            self._calls[index], added = self._open("fc", type=kind.call, **fields)
            yield added
        call = self._calls[index]
        call.data["name"] = call.data["name"] or function.get("name") or ""
        kind = KINDS_BY_CALL[call.data["type"]]
        piece = function.get(kind.argument)
        if isinstance(piece, str) and piece:
            call.data[kind.argument] += piece
            yield call.event(kind.delta, delta=piece)

    def _add_reasoning(self, message: Mapping[str, Any]) -> Iterator[Event]:
        details = list_objects(message.get("reasoning_details"))
        if details and self._reasoning_field in (None, "reasoning_details"):
            self._reasoning_field = "reasoning_details"
            for place, detail in enumerate(details):
                yield from self._add_detail(detail, detail.get("index", place))
            return
        texts = {name: message.get(name) for name in _REASONING_TEXTS} | {
            "content": join_thinking(message.get("content"))
        }
        for name, text in texts.items():
            if isinstance(text, str) and text and self._reasoning_field in (None, name):
                self._reasoning_field = name
                yield from self._add_detail({"type": TEXT, "text": text}, 0)

    def _add_detail(self, detail: Mapping[str, Any], index: Any) -> Iterator[Event]:
        kind = str(detail.get("type"))
        text = detail.get(TEXT_FIELDS.get(kind, ""))
        if not isinstance(text, str):
            return
        item, part = self._details.get((index, kind), (None, None))
        if item is None:
            item = self._thoughts.get(detail.get("id"))
        if item is None:
            named = {"id": detail["id"]} if detail.get("id") else {}
            item, added = self._open("rs", type="reasoning", summary=[], **named)
            self._thoughts[detail.get("id")] = item
            yield added
        if kind == ENCRYPTED:
            item.data["encrypted_content"] = text
        elif text:  # else the policy holds it back
            if part is None:
                part, added = _begin(item, _REASONING[kind])
                yield added
            yield _extend(item, part, text)
        self._details[index, kind] = item, part

    def _require_message(self) -> _Item:
        if self._message is None:
            raise RuntimeError("the message has not been opened")
        return self._message


def _begin(item: _Item, kind: _PartKind, **fields: Any) -> tuple[_Part, Event]:
    parts = item.data.setdefault(kind.holder, [])
    part = _Part(kind, {"type": kind.type, kind.text: "", **fields}, len(parts))
    parts.append(part.data)
    item.parts.append(part)
    return part, item.event(kind.added, part=part.data, **{kind.index: part.index})


def _extend(item: _Item, part: _Part, text: str, **fields: Any) -> Event:
    part.data[part.kind.text] += text
    return item.event(f"{part.kind.event}.delta", delta=text, **{part.kind.index: part.index}, **fields)


def _join_text(content: Any) -> Any:
    """Return the text of a content, which some servers send as a list of parts."""
    if not isinstance(content, list):
        return content
    return "".join(str(part.get("text") or "") for part in list_objects(content) if part.get("type") in (None, "text"))
