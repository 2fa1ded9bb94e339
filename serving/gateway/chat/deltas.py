"""One choice of a stream, delta by delta: what is spoken piece by piece goes through a stream of the policy, the rest is judged at once."""

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.chat.logprobs import HeldLogprobs, clean, spelled
from serving.gateway.chat.texts import rewrite, rewrite_text
from serving.gateway.policy.policy import Finding
from serving.gateway.policy.stream import ResponseStream
from serving.gateway.upstreams.reading import BrokenStreamError

Path: TypeAlias = tuple[str | int, ...]
"""Where a text stands in the deltas; a number is the `index` of what is in a list."""

_SPOKEN: Final = frozenset(
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
_NAMED: Final = frozenset({"role", "type", "format", "id", "name", "index", "signature", "data", "url"})
_LOGPROBS: Final = ("content", "refusal")
_CALLS: Final = frozenset({"tool_calls", "function_call"})


class ChoiceStream:
    """The texts of one choice.

    Attributes
    ----------
    size : UTF-8 bytes that were spoken.
    finished : whether the upstream has said why it ends.
    """

    def __init__(self, place: int, judging: PolicySession, *, keeps_texts: bool = False) -> None:
        self._place = place
        self._judging = judging
        self._texts: dict[Path, ResponseStream] = {}
        self._fed: dict[Path, int] = {}
        self._names: dict[Path, str] = {}
        self._kept: dict[Path, list[str]] | None = {} if keeps_texts else None
        self._logprobs = {name: HeldLogprobs(judging.policy) for name in _LOGPROBS}
        self._is_strict = judging.policy.changes("response")
        self.size = 0
        self.finished = False

    @property
    def blocked(self) -> bool:
        """Whether the policy has stopped it."""
        return self._judging.blocked or any(text.blocked for text in self._texts.values())

    @property
    def findings(self) -> Iterator[Finding]:
        """What the policy has found in what was spoken; names are on record already."""
        for text in self._texts.values():
            yield from text.findings

    @property
    def texts(self) -> dict[str, str]:
        """What was let through of each text, by its place; only where texts are kept."""
        return {".".join(map(str, path)): "".join(pieces) for path, pieces in (self._kept or {}).items()}

    def feed(self, choice: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """What must go out before a choice of an event, where it ends; and what is left of itself, if anything."""
        told = choice.pop("logprobs", None)
        delta = self._walk(choice["delta"], ())
        rest = {name: value for name, value in choice.items() if name not in ("index", "delta", "finish_reason")}
        judged = {**choice, **rewrite(rest, self._judging.response), "delta": delta}
        logprobs = self._told(told, choice["delta"])
        if logprobs is not None:
            judged["logprobs"] = logprobs
        if choice.get("finish_reason") is None:
            says = any(value not in ("", None, [], {}) for value in delta.values())
            return [], judged if says or logprobs else None
        self.finished = True
        return self.finish(), judged

    def finish(self) -> list[dict[str, Any]]:
        """What is held back still."""
        made = []
        for path, text in self._texts.items():
            rest = self._passed(path, text.finish())
            if rest:
                chunk: dict[str, Any] = {"index": self._place, "delta": _nested(path, rest), "finish_reason": None}
                logprobs = self._out() if len(path) == 1 and path[0] in _LOGPROBS else None
                made.append({**chunk, "logprobs": logprobs} if logprobs is not None else chunk)
        return made

    def _walk(self, value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {name: self._walk(item, (*path, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self._walk(item, (*path, _place_of(item, n))) for n, item in enumerate(value)]
        if not isinstance(value, str) or not path:
            return value
        name = next(part for part in reversed(path) if isinstance(part, str))
        if name in _SPOKEN or (len(path) == 1 and name not in _NAMED):
            return self._speak(value, path)
        if name == "name" and "reasoning_details" not in path:
            self.size += len(value)
        return rewrite_text(value, lambda text: self._name(text, path), name)

    def _speak(self, piece: str, path: Path) -> str:
        if "reasoning_details" not in path:  # the same as `reasoning`, once more
            self.size += len(piece.encode(errors="surrogatepass"))
        text = self._texts.get(path)
        if text is None:
            text = self._texts[path] = ResponseStream(self._judging.policy, self._judging.vault)
        self._fed[path] = self._fed.get(path, 0) + len(piece)
        return self._passed(path, text.feed(piece))

    def _passed(self, path: Path, piece: str) -> str:
        if self._kept is not None and piece:
            self._kept.setdefault(path, []).append(piece)
        return piece

    def _name(self, text: str, path: Path) -> str:
        """Judge what comes whole. A name in pieces has gone out in part before it can be judged, so it ends the stream."""
        before = self._names.setdefault(path, text) if path[0] in _CALLS else text
        if before != text and self._is_strict:
            raise BrokenStreamError("the upstream sends a name in pieces, which the policy cannot judge")
        return self._judging.response(text)

    def _told(self, told: Any, delta: dict[str, Any]) -> dict[str, Any] | None:
        """Log probabilities that may go out now; what does not spell its piece of text is left out."""
        if not isinstance(told, dict):
            return self._out() if any(self._texts.get((name,)) for name in _LOGPROBS) else None
        if not self._is_strict:
            return {name: clean(told.get(name), self._judging.policy) or None for name in _LOGPROBS}
        for name in _LOGPROBS:
            if name in delta and spelled(told.get(name)) == delta[name]:
                end = self._fed.get((name,), 0)
                self._logprobs[name].add(told[name], end - len(delta[name]), end)
        return self._out()

    def _out(self) -> dict[str, Any] | None:
        out: dict[str, Any] = {}
        for name, held in self._logprobs.items():
            text = self._texts.get((name,))
            if text is not None and not text.blocked:
                out[name] = held.ready(text.released, altered=text.altered) or None
        return out if any(out.values()) else None


def _place_of(item: Any, n: int) -> int:
    place = item.get("index") if isinstance(item, dict) else None
    return place if isinstance(place, int) and not isinstance(place, bool) else n


def _nested(path: Path, rest: str) -> dict[str, Any]:
    """A delta that has nothing but a text at its place."""
    value: Any = rest
    for part in reversed(path):
        value = {part: value} if isinstance(part, str) else [{"index": part, **value}]
    made: dict[str, Any] = value
    return made
