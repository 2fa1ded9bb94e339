"""An upstream's stream, forwarded to the caller: texts pass the content policy, tokens are counted, the rest is unchanged.

Bytes in, bytes out; connections are in `service`, the texts of one choice in `deltas`.
"""

from collections.abc import Container, Iterable, Iterator
from typing import Any, Final

from guard_store.spending.amounts import Amount
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.chat.checks import PROTOCOL, WITHHELD
from serving.gateway.chat.deltas import ChoiceStream
from serving.gateway.chat.dialects import has_content, normalize_choice
from serving.gateway.chat.texts import rewrite
from serving.gateway.evaluations.answers import Answer, read_stream
from serving.gateway.policy.policy import Finding
from serving.gateway.prompts.template import Prompt
from serving.gateway.protocols.protocol import EventWriter
from serving.gateway.upstreams.events import DONE_MARK, BrokenStreamError, Events, find_error, parse_event
from serving.gateway.upstreams.problems import read_message
from serving.gateway.upstreams.reading import UsageMeter

_CHUNK: Final = "chat.completion.chunk"


class ChatStream:
    """One streamed answer.

    Parameters
    ----------
    incoming : reads the upstream's events.
    writer : writes the caller's.
    wants_usage : whether the caller has requested the chunk with the usage.
    prompt_tokens : our estimate, used if the upstream reports no usage.
    keeps_texts : whether `texts` is needed later.

    Attributes
    ----------
    blocked : whether the policy has ended it.
    ended : whether the upstream has completed the stream.
    """

    def __init__(
        self,
        session: PolicySession,
        incoming: Events,
        writer: EventWriter,
        *,
        wants_usage: bool,
        prompt_tokens: int,
        keeps_texts: bool,
    ) -> None:
        self._session = session
        self._incoming = incoming
        self._writer = writer
        self._wants_usage = wants_usage
        self._meter = UsageMeter(prompt_tokens)
        self._choices: dict[int, ChoiceStream] = {}
        self._streamed: set[int] = set()  # choices whose text arrives in deltas
        self._head: dict[str, Any] = {"object": _CHUNK}
        self._ending: dict[str, Any] | None = None  # an event with a finish reason, which more text would contradict
        self._keeps_texts = keeps_texts
        self._finish_reasons: set[str] = set()
        self._unread: dict[str, Any] = {}  # the last event without choices: without an answer, it has the reason
        self.blocked = self.ended = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the upstream; return the bytes to send to the caller.

        Raises
        ------
        BrokenStreamError
            If the upstream violates the protocol.
        """
        self._incoming.add(data)
        return self._read_events()

    def _read_events(self) -> bytes:
        out = bytearray()
        while not (self.blocked or self.ended):
            event = self._incoming.next()
            if event is None:
                break
            for chunk in self._events_of(event):
                out += chunk
        return bytes(out)

    @property
    def is_complete(self) -> bool:
        """Whether the finish reason of every choice has arrived, and the usage."""
        return self._has_finished and self._meter.has_usage

    def finish(self) -> bytes:
        """Take the end of the upstream's stream, which needs neither `[DONE]` nor last line feeds; return the bytes to send.

        Raises
        ------
        BrokenStreamError
            If no answer has arrived, or the last event is broken and the answer not complete without it.
        """
        out = b""
        try:
            self._incoming.end()
            out = self._read_events()
        except BrokenStreamError:
            if not self.is_complete:
                raise
        if self.blocked or self.ended:
            return out
        if not self._choices:
            words = self._session.response(read_message(self._unread))
            raise BrokenStreamError(f"the upstream ended the stream without an answer{words and f': {words}'}")
        self._meter.ended = self._has_finished
        return out + b"".join(self._end())

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
    def received(self) -> int:
        """Return the bytes of the answer that have arrived: texts, reasoning and tool calls, not keep-alives."""
        return self._meter.received

    @property
    def has_text(self) -> bool:
        """Whether any text has arrived."""
        return self._meter.has_text

    def texts(self) -> list[dict[str, Any]]:
        """Return the released texts, by choice; only if texts are kept."""
        return [{"index": place, **choice.texts} for place, choice in sorted(self._choices.items())]

    def evaluate(self, prompt: Prompt | None) -> Answer:
        """Return what is known of the answer, once its findings are recorded, for its event; only if texts are kept."""
        return read_stream(self.texts(), self._finish_reasons, None if prompt is None else prompt.id, self._session)

    def _events_of(self, data: bytes) -> Iterable[bytes]:
        if not data:
            return (self._writer.keep_alive,)
        if data.startswith(DONE_MARK):
            self._meter.ended = True
            return self._end()
        event = parse_event(data)
        error = find_error(event)
        if error:
            self._read_metadata(event)
            raise BrokenStreamError(f"the upstream reports: {self._reason(error)}")
        return self._check_event(event)

    def _end(self) -> Iterable[bytes]:
        """End the stream; release the text still held back if the upstream sent no finish reason."""
        self.ended = True
        yield from self._release_ending()
        if not self.blocked:
            yield from self._format({}, [chunk for choice in self._choices.values() for chunk in choice.finish()])

    @property
    def _has_finished(self) -> bool:
        return bool(self._choices) and all(choice.finished for choice in self._choices.values())

    def _check_event(self, event: dict[str, Any]) -> Iterable[bytes]:
        if any(event.get(name) for name in ("object", "choices", "usage")):
            event["object"] = _CHUNK  # clients skip an event whose object is another one, or missing
        self._read_metadata(event)
        choices = event["choices"] = event.get("choices") or []
        if not isinstance(choices, list):
            raise BrokenStreamError("the choices of the stream are not a list")
        places = [normalize_choice(choice, position, self._streamed) for position, choice in enumerate(choices)]
        yield from self._release_ending(
            {place for place, choice in zip(places, choices, strict=True) if has_content(choice)}
        )
        if self.blocked:
            return
        for place, choice in zip(places, choices, strict=True):
            self._choice_at(place).finished |= choice["finish_reason"] is not None
            if choice["finish_reason"] is not None:
                self._finish_reasons.add(str(choice["finish_reason"]))
        if any(choice["finish_reason"] is not None for choice in choices):
            self._ending = event
        else:
            yield from self._check_choices(event)

    def _release_ending(self, continued: Container[int] = ()) -> Iterable[bytes]:
        """Check the event that ends choices, without the finish reasons of those that are continued: some servers send one in each event."""
        event, self._ending = self._ending, None
        if event is None:
            return ()
        for choice in event["choices"]:
            if choice["index"] in continued:
                choice["finish_reason"], self._choices[choice["index"]].finished = None, False
        return self._check_choices(event)

    def _check_choices(self, event: dict[str, Any]) -> Iterable[bytes]:
        choices = event.pop("choices")
        more = {name: rewrite(value, self._session.response) for name, value in event.items() if name not in PROTOCOL}
        self.blocked = self.blocked or self._session.blocked
        if not choices:
            self._unread = more
            if not self._wants_usage and event.get("usage") is not None:
                return ()
            return self._format({}, []) if self.blocked else (self._writer.write({**event, **more, "choices": []}),)
        if not self._wants_usage:
            event.pop("usage", None)
        before: list[dict[str, Any]] = []
        after: list[dict[str, Any]] = []
        for received in choices:
            choice = self._choices[received["index"]]
            if not self._wants_usage:
                received.pop("usage", None)
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
            yield self._writer.write({**self._head, "choices": ends})
            return
        for choice in before:  # each in an event of its own: clients read only the first entry of a choice
            yield self._writer.write({**self._head, "choices": [choice]})
        if after:
            yield self._writer.write({**event, "choices": after})

    def _choice_at(self, place: int) -> ChoiceStream:
        choice = self._choices.get(place)
        if choice is None:
            choice = self._choices[place] = ChoiceStream(
                place, self._session, keeps_texts=self._keeps_texts, keeps_order=self._writer.keeps_order
            )
        return choice

    def _read_metadata(self, event: dict[str, Any]) -> None:
        self._meter.read_usage_of(event)
        if not self._head.get("id"):  # Azure's first chunk, about the prompt, has none
            self._head |= {name: event[name] for name in ("id", "object", "created", "model") if event.get(name)}

    def _reason(self, error: Any) -> str:
        return self._session.response(read_message(error)) or "it broke off the stream with an error"
