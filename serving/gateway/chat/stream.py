"""An upstream's stream on its way to the caller: each text through the policy, tokens counted, nothing else changed.

Bytes in, bytes out; connections belong to `service`, the texts of one choice to `deltas`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from guard_store.spending.amounts import Amount
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.chat.deltas import ChoiceStream
from serving.gateway.chat.judged import PROTOCOL, WITHHELD
from serving.gateway.chat.texts import rewrite
from serving.gateway.policy.policy import Finding
from serving.gateway.upstreams.reading import BrokenStreamError, Events, UsageMeter, event_of
from serving.http.server_sent_events import KEEP_ALIVE, format_event

DONE: Final = format_event(b"[DONE]")
"""The last event of a stream; `ChatStream` leaves it to its caller."""
_CHOICES_MOST = 128


class ChatStream:
    """One streamed answer.

    Parameters
    ----------
    wants_usage : whether the caller has asked for the chunk that tells it.
    prompt_tokens : our estimate, where the upstream does not say.
    keeps_texts : whether `texts` will be asked for.

    Attributes
    ----------
    blocked : whether the policy has ended it.
    ended : whether the upstream has said all.
    """

    def __init__(self, session: PolicySession, *, wants_usage: bool, prompt_tokens: int, keeps_texts: bool) -> None:
        self._session = session
        self._wants_usage = wants_usage
        self._incoming = Events()
        self._meter = UsageMeter(prompt_tokens)
        self._choices: dict[int, ChoiceStream] = {}
        self._head: dict[str, Any] = {}
        self._keeps_texts = keeps_texts
        self.blocked = self.ended = False

    def feed(self, data: bytes) -> bytes:
        """What may go out after these bytes have come in.

        Raises
        ------
        BrokenStreamError
            Where the upstream does not keep to the protocol.
        """
        self._incoming.add(data)
        out = bytearray()
        while not (self.blocked or self.ended):
            event = self._incoming.next()
            if event is None:
                break
            for made in self._events_of(event):
                out += made
        return bytes(out)

    @property
    def usage(self) -> Amount:
        """What the call has used up to now."""
        return self._meter.usage

    @property
    def findings(self) -> Iterator[Finding]:
        """What the policy has found in what was spoken."""
        for choice in self._choices.values():
            yield from choice.findings

    @property
    def has_spoken(self) -> bool:
        """Whether any token has come."""
        return self._meter.has_spoken

    def texts(self) -> list[dict[str, Any]]:
        """What was let through, by choice; only where texts are kept."""
        return [{"index": place, **choice.texts} for place, choice in sorted(self._choices.items())]

    def _events_of(self, data: bytes) -> Iterable[bytes]:
        if not data:
            return (KEEP_ALIVE,)
        if data == b"[DONE]":
            self.ended = self._meter.ended = True
            # What is held back still, where the upstream has ended without a finish reason.
            return self._out({}, [made for choice in self._choices.values() for made in choice.finish()])
        event = event_of(data)
        if event.get("error"):
            raise BrokenStreamError(f"the upstream says: {self._reason(event['error'])}")
        return self._judged(event)

    def _judged(self, event: dict[str, Any]) -> Iterable[bytes]:
        self._learn(event)
        choices = event.pop("choices", None) or []
        more = {name: rewrite(value, self._session.response) for name, value in event.items() if name not in PROTOCOL}
        self.blocked = self.blocked or self._session.blocked
        if not choices:
            if not self._wants_usage and event.get("usage") is not None:
                return ()
            return self._out({}, []) if self.blocked else (format_event({**event, **more, "choices": []}),)
        if not self._wants_usage:
            event.pop("usage", None)
        if not isinstance(choices, list):
            raise BrokenStreamError("the choices of the stream are no list")
        before: list[dict[str, Any]] = []
        after: list[dict[str, Any]] = []
        for said in choices:
            choice = self._choice(said)
            size = choice.size
            held, passed = choice.feed(said)
            self._meter.spoke(choice.size - size)
            before += held
            after += [passed] if passed is not None else []
        return self._out({**event, **more}, before, after)

    def _out(
        self, event: dict[str, Any], before: list[dict[str, Any]], after: list[dict[str, Any]] | None = None
    ) -> Iterator[bytes]:
        if self.blocked or any(choice.blocked for choice in self._choices.values()):
            self.blocked = True
            open_choices = [place for place, choice in sorted(self._choices.items()) if not choice.finished]
            ends = [{"index": place, "delta": {}, "finish_reason": WITHHELD} for place in open_choices or [0]]
            yield format_event({**self._head, "choices": ends})
            return
        if before:
            yield format_event({**self._head, "choices": before})
        if after:
            yield format_event({**event, "choices": after})

    def _choice(self, said: Any) -> ChoiceStream:
        place = said.get("index", 0) if isinstance(said, dict) else None
        if not isinstance(place, int) or not 0 <= place < _CHOICES_MOST or not isinstance(said.get("delta"), dict):
            raise BrokenStreamError("a choice of the stream has no delta, or no number")
        choice = self._choices.get(place)
        if choice is None:
            choice = self._choices[place] = ChoiceStream(place, self._session, keeps_texts=self._keeps_texts)
        return choice

    def _learn(self, event: dict[str, Any]) -> None:
        self._meter.learn(event)
        if not self._head:
            self._head = {name: event[name] for name in ("id", "object", "created", "model") if name in event}

    def _reason(self, error: Any) -> str:
        message = error.get("message") if isinstance(error, dict) else error
        said = self._session.response(message) if isinstance(message, str) else ""
        return said or "it broke the stream off with an error"
