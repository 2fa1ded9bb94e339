"""One choice of a stream, delta by delta: text that arrives in pieces passes a stream of the policy, the rest is checked at once."""

import codecs
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.chat.dialects import COPIES, TOKEN_IDS, ToolCalls, has_content, split_choice
from serving.gateway.chat.logprobs import PendingLogprobs, join_tokens, remove_unsafe_alternatives
from serving.gateway.chat.texts import ENCODED_FIELDS, REASONING_FIELDS, rewrite
from serving.gateway.chat.vocabulary import FIELD_NAMES
from serving.gateway.policy.policy import Finding
from serving.gateway.policy.stream import ResponseStream
from serving.gateway.upstreams.events import BrokenStreamError

Path: TypeAlias = tuple[str | int, ...]
"""Path of a text in the deltas; a number is the `index` of a list item."""

_TEXT_FIELDS: Final = frozenset(
    {
        "arguments",
        "content",
        "input",
        "output_text",
        "reasoning",
        "reasoning_content",
        "refusal",
        "summary",
        "text",
        "thinking",
        "transcript",
    }
)
_ATOMIC_FIELDS: Final = frozenset({"role", "type", "format", "id", "name", "index"}) | ENCODED_FIELDS
_WHOLE_FIELDS: Final = frozenset({"annotations", "citations"})  # lists of objects that do not arrive in pieces
_PARTS: Final = "content"  # the field whose list holds parts
_LOGPROBS: Final = ("content", "refusal")
_CALL_FIELDS: Final = frozenset({"tool_calls", "function_call"})
_HALVES: Final = "utf-16-le"
_HalfDecoder = codecs.getincrementaldecoder(_HALVES)


class ChoiceStream:
    """The texts of one choice.

    Parameters
    ----------
    keeps_texts : whether `texts` is needed later.
    keeps_order : whether what is held back of a text is released before another text begins.

    Attributes
    ----------
    finished : whether the upstream has sent a finish reason; set by the reader of its events.
    """

    def __init__(
        self, place: int, session: PolicySession, *, keeps_texts: bool = False, keeps_order: bool = False
    ) -> None:
        self._place = place
        self._session = session
        self._texts: dict[Path, ResponseStream] = {}
        self._halves: dict[
            Path, codecs.IncrementalDecoder
        ] = {}  # some servers cut a text between the halves of a surrogate pair
        self._received: dict[Path, int] = {}
        self._names: dict[Path, str] = {}
        self._items: dict[Path, dict[str, Any]] = {}
        self._frames: dict[Path, tuple[Path, list[dict[str, Any]]]] = {}
        self._part_types: dict[str, int] = {}
        self._has_role = self._has_ended = False
        self._tool_calls = ToolCalls()
        self._released: dict[Path, list[str]] | None = {} if keeps_texts else None
        self._logprobs = {name: PendingLogprobs(session.policy) for name in _LOGPROBS}
        self._keeps_order = keeps_order
        self._is_strict = session.policy.changes("response")
        self._sizes: Counter[str] = Counter()  # UTF-8 bytes received, by field of the delta
        self.finished = False

    @property
    def blocked(self) -> bool:
        """Whether the policy has stopped it."""
        return self._session.blocked or any(text.blocked for text in self._texts.values())

    @property
    def size(self) -> int:
        """Return the UTF-8 bytes of text received; reasoning in several fields counts once."""
        copies = [self._sizes[name] for name in REASONING_FIELDS]
        return self._sizes.total() - sum(copies) + max(copies)

    @property
    def findings(self) -> Iterator[Finding]:
        """Yield the findings of the policy in streamed text; those in names are recorded already."""
        for text in self._texts.values():
            yield from text.findings

    @property
    def texts(self) -> dict[str, str]:
        """Return the released part of each text, by its path; only if texts are kept."""
        return {".".join(map(str, path)): "".join(pieces) for path, pieces in (self._released or {}).items()}

    def feed(self, choice: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Check a normalized choice of an event; return choices to send before it, and the choice itself, if anything is left of it."""
        *earlier, last = split_choice(choice) if self._keeps_order else [choice]
        before: list[dict[str, Any]] = []
        for part in earlier:
            held, passed = self._feed(part)
            before += held if passed is None else [*held, passed]
        held, passed = self._feed(last)
        return [*before, *held], passed

    def _feed(self, choice: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        if self._has_ended and self._is_strict and has_content(choice):
            raise BrokenStreamError("the upstream continues a choice after its end, which the policy cannot check")
        received_logprobs = choice.pop("logprobs", None)
        self._normalize(choice)
        ended = self._release_others(choice["delta"]) if self._keeps_order else []
        delta = self._check_value(choice["delta"], ())
        self._silence(delta)
        rest = {name: value for name, value in choice.items() if name not in ("index", "delta", "finish_reason")}
        checked = {**choice, **rewrite(rest, self._session.response), "delta": delta}
        logprobs = self._check_logprobs(received_logprobs, choice["delta"])
        if logprobs is not None:
            checked["logprobs"] = logprobs
        is_filled = any(value not in ("", None, [], {}) for value in (*delta.values(), *rest.values()))
        if choice["finish_reason"] is None:
            return ended, checked if is_filled or logprobs else None
        self._has_ended = True
        held = self.finish()
        if not held or not is_filled:
            return [*ended, *held], checked
        last = {"index": self._place, "delta": {}, "finish_reason": choice["finish_reason"]}
        return [*ended, {**checked, "finish_reason": None}, *held], last

    def _silence(self, delta: dict[str, Any]) -> None:
        """Empty the audio of a delta once its transcript was changed: the audio still contains what was redacted."""
        audio = delta.get("audio")
        if isinstance(audio, dict) and audio.get("data"):
            transcripts = (text for path, text in self._texts.items() if path[-1] == "transcript")
            if any(finding.action != "flag" for text in transcripts for finding in text.findings):
                audio["data"] = ""

    def _normalize(self, choice: dict[str, Any]) -> None:
        """Remove repeated roles, which clients would join, and under a policy that changes texts the fields that repeat the text."""
        delta = choice["delta"]
        self._tool_calls.normalize(delta)
        if delta.get("role"):
            if self._has_role:
                del delta["role"]
            self._has_role = True
        if self._is_strict:
            for name in COPIES & choice.keys():
                del choice[name]
            for name in TOKEN_IDS & delta.keys():
                del delta[name]

    def finish(self) -> list[dict[str, Any]]:
        """Return choices with the text that is still held back."""
        chunks = []
        for path, text in self._texts.items():
            rest = text.feed(self._halves[path].decode(b"", final=True)) + text.finish()
            chunks += self._chunks_of(path, rest)
        return chunks

    def _release_others(self, delta: dict[str, Any]) -> list[dict[str, Any]]:
        """Return choices with what is still held back of the texts that a delta does not continue, if it begins or continues any."""
        continued: set[Path] = set()
        for name, value in delta.items():
            if isinstance(value, list):
                continued |= {self._item_path(item, n, (name,)) for n, item in enumerate(value)}
            elif value and name != "role":
                continued.add((name,))
        others = [
            path
            for path in self._texts
            if continued and continued.isdisjoint((path[: 2 if path[0] == _PARTS else 1], path[:2]))
        ]
        return [chunk for path in others for chunk in self._chunks_of(path, self._texts[path].flush())]

    def _chunks_of(self, path: Path, text: str) -> list[dict[str, Any]]:
        """Return the choice of a released text; none if it is empty."""
        if not self._record_released(path, text):
            return []
        chunk: dict[str, Any] = {"index": self._place, "delta": self._nested(path, text), "finish_reason": None}
        logprobs = self._release_logprobs() if len(path) == 1 and path[0] in _LOGPROBS else None
        return [{**chunk, "logprobs": logprobs} if logprobs is not None else chunk]

    def _check_value(self, value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {name: self._check_value(item, (*path, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self._check_item(item, (*path, self._place_of(item, n, path))) for n, item in enumerate(value)]
        if not isinstance(value, str) or not path:
            return value
        name = next(part for part in reversed(path) if isinstance(part, str))
        if path[0] in _WHOLE_FIELDS:
            return rewrite(value, self._session.response, name)
        # An unknown field may arrive in pieces at any depth.
        is_unknown = name not in _ATOMIC_FIELDS and (len(path) == 1 or path[0] not in FIELD_NAMES)
        if name in _TEXT_FIELDS or is_unknown:
            return self._feed_text(value, path)
        if name == "name":
            self._sizes[str(path[0])] += len(value)
        return rewrite(value, lambda text: self._check_name(text, path), name)

    def _check_item(self, item: Any, path: Path) -> Any:
        if isinstance(item, dict):
            # Clients join items by their index, but parts of a content by their order.
            fields = item if path[0] == _PARTS else {"index": path[-1], **item}
            self._items[path] = {name: fields[name] for name in ("index", "type") if name in fields}
        return self._check_value(item, path)

    def _place_of(self, item: Any, n: int, path: Path) -> int:
        """Return the place of a list item: its index; without one that of its type among parts, which clients append, else `n`."""
        fields = item if isinstance(item, dict) else {}
        place = fields.get("index")
        if isinstance(place, int) and not isinstance(place, bool):
            return place
        return n if path[0] != _PARTS else self._part_types.setdefault(str(fields.get("type")), len(self._part_types))

    def _item_path(self, item: Any, n: int, path: Path) -> Path:
        return self._text_path((*path, self._place_of(item, n, path), "text"))[:2]

    def _text_path(self, path: Path) -> Path:
        """Return the path under which a text is checked: parts of type `text` and a content without parts are one text."""
        is_text = len(path) == 3 and path[0] == _PARTS and path[1:] == (self._part_types.get("text"), "text")
        return path[:1] if is_text else path

    def _feed_text(self, piece: str, place: Path) -> str:
        path = self._text_path(place)
        self._frames[path] = (place, [self._items.get(place[:end], {}) for end in range(1, len(place) + 1)])
        self._sizes[str(path[0])] += len(piece.encode(errors="surrogatepass"))
        text = self._texts.get(path)
        if text is None:
            text = self._texts[path] = ResponseStream(self._session.policy, self._session.vault)
            self._halves[path] = _HalfDecoder("replace")
        piece = self._halves[path].decode(piece.encode(_HALVES, "surrogatepass"))
        self._received[path] = self._received.get(path, 0) + len(piece)
        return self._record_released(path, text.feed(piece))

    def _record_released(self, path: Path, piece: str) -> str:
        if self._released is not None and piece:
            self._released.setdefault(path, []).append(piece)
        return piece

    def _nested(self, path: Path, text: str) -> dict[str, Any]:
        """Return a delta that holds only a text, at the place and in items of the type in which it last arrived."""
        value: Any = text
        place, frames = self._frames[path]
        for part, fields in zip(reversed(place), reversed(frames), strict=True):
            value = {part: value} if isinstance(part, str) else [{**fields, **value}]
        delta: dict[str, Any] = value
        return delta

    def _check_name(self, text: str, path: Path) -> str:
        """Check a value that arrives whole; end the stream at a name in pieces, because its first part was sent unchecked."""
        before = self._names.setdefault(path, text) if text and path[0] in _CALL_FIELDS else text
        if before != text and self._is_strict:
            raise BrokenStreamError("the upstream sends a name in pieces, which the policy cannot check")
        return self._session.response(text)

    def _check_logprobs(self, received: Any, delta: dict[str, Any]) -> dict[str, Any] | None:
        """Return the log probabilities to send now; leave out entries that do not spell their piece of text."""
        if not isinstance(received, dict):
            return self._release_logprobs() if any(self._texts.get((name,)) for name in _LOGPROBS) else None
        if not self._is_strict:
            return {
                name: remove_unsafe_alternatives(received.get(name), self._session.policy) or None for name in _LOGPROBS
            }
        for name in _LOGPROBS:
            if name in delta and join_tokens(received.get(name)) == delta[name]:
                end = self._received.get((name,), 0)
                self._logprobs[name].add(received[name], end - len(delta[name]), end)
        return self._release_logprobs()

    def _release_logprobs(self) -> dict[str, Any] | None:
        logprobs: dict[str, Any] = {}
        for name, pending in self._logprobs.items():
            text = self._texts.get((name,))
            if text is not None and not text.blocked:
                logprobs[name] = pending.release(text.released, altered=text.altered) or None
        return logprobs if any(logprobs.values()) else None
