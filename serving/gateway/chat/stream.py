"""An upstream's stream, forwarded to the caller: texts pass the content policy, tokens are counted, the rest is unchanged.

Bytes in, bytes out; connections are in `service`, the texts of one choice in `deltas`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from guard_store.spending.amounts import Amount
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.chat.checks import PROTOCOL, WITHHELD
from serving.gateway.chat.deltas import ChoiceStream
from serving.gateway.chat.texts import rewrite
from serving.gateway.policy.policy import Finding
from serving.gateway.upstreams.reading import BrokenStreamError, Events, UsageMeter, parse_event
from serving.http.server_sent_events import KEEP_ALIVE, format_event

DONE: Final = format_event(b"[DONE]")
"""The last event of a stream; sent by the caller of `ChatStream`."""
_MAX_CHOICES = 128


class ChatStream:
    """One streamed answer.

    Parameters
    ----------
    wants_usage : whether the caller has requested the chunk with the usage.
    prompt_tokens : our estimate, used if the upstream reports no usage.
    keeps_texts : whether `texts` is needed later.

    Attributes
    ----------
    blocked : whether the policy has ended it.
    ended : whether the upstream has completed the stream.
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
        """Take bytes of the upstream; return the bytes to send to the caller.

        Raises
        ------
        BrokenStreamError
            If the upstream violates the protocol.
        """
        self._incoming.add(data)
        out = bytearray()
        while not (self.blocked or self.ended):
            event = self._incoming.next()
            if event is None:
                break
            for chunk in self._events_of(event):
                out += chunk
        return bytes(out)

    @property
    def usage(self) -> Amount:
        """Return the usage of the call so far."""
        return self._meter.usage

    @property
    def findings(self) -> Iterator[Finding]:
        """Yield the findings of the policy in streamed text."""
        for choice in self._choices.values():
            yield from choice.findings

    @property
    def has_text(self) -> bool:
        """Whether any text has arrived."""
        return self._meter.has_text

    def texts(self) -> list[dict[str, Any]]:
        """Return the released texts, by choice; only if texts are kept."""
        return [{"index": place, **choice.texts} for place, choice in sorted(self._choices.items())]

    def _events_of(self, data: bytes) -> Iterable[bytes]:
        if not data:
            return (KEEP_ALIVE,)
        if data == b"[DONE]":
            self.ended = self._meter.ended = True
            # Release the text still held back if the upstream ended without a finish reason.
            return self._format({}, [chunk for choice in self._choices.values() for chunk in choice.finish()])
        event = parse_event(data)
        if event.get("error"):
            raise BrokenStreamError(f"the upstream reports: {self._reason(event['error'])}")
        return self._check_event(event)

    def _check_event(self, event: dict[str, Any]) -> Iterable[bytes]:
        self._read_metadata(event)
        choices = event.pop("choices", None) or []
        more = {name: rewrite(value, self._session.response) for name, value in event.items() if name not in PROTOCOL}
        self.blocked = self.blocked or self._session.blocked
        if not choices:
            if not self._wants_usage and event.get("usage") is not None:
                return ()
            return self._format({}, []) if self.blocked else (format_event({**event, **more, "choices": []}),)
        if not self._wants_usage:
            event.pop("usage", None)
        if not isinstance(choices, list):
            raise BrokenStreamError("the choices of the stream are not a list")
        before: list[dict[str, Any]] = []
        after: list[dict[str, Any]] = []
        for received in choices:
            choice = self._choice_of(received)
            size = choice.size
            held, passed = choice.feed(received)
            self._meter.count_text(choice.size - size)
            before += held
            after += [passed] if passed is not None else []
        return self._format({**event, **more}, before, after)

    def _format(
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

    def _choice_of(self, received: Any) -> ChoiceStream:
        place = received.get("index", 0) if isinstance(received, dict) else None
        if not isinstance(place, int) or not 0 <= place < _MAX_CHOICES or not isinstance(received.get("delta"), dict):
            raise BrokenStreamError("a choice of the stream has no delta or no valid index")
        choice = self._choices.get(place)
        if choice is None:
            choice = self._choices[place] = ChoiceStream(place, self._session, keeps_texts=self._keeps_texts)
        return choice

    def _read_metadata(self, event: dict[str, Any]) -> None:
        self._meter.read_usage_of(event)
        if not self._head:
            self._head = {name: event[name] for name in ("id", "object", "created", "model") if name in event}

    def _reason(self, error: Any) -> str:
        message = error.get("message") if isinstance(error, dict) else error
        reason = self._session.response(message) if isinstance(message, str) else ""
        return reason or "it broke off the stream with an error"
