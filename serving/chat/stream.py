"""An upstream's stream on its way to the caller: each text through the policy, tokens counted, nothing else changed.

Bytes in, bytes out; connections belong to `service`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from guard_store.spending import Amount
from serving.llm.reading import BrokenStreamError, Events, Meter, event_of
from serving.policy import Finding, Policy, ResponseStream, Vault

DONE = b"data: [DONE]\n\n"
"""The last event of a stream; `ChatStream` leaves it to its caller."""
_FIELDS = ("content", "refusal", "reasoning_content", "reasoning")
_encode = msgspec.json.Encoder().encode

Channel = tuple[int, str, int]
"""Choice, field, and the tool call's place where it is one."""


class ChatStream:
    """One streamed answer.

    Parameters
    ----------
    wants_usage : whether the caller has asked for the chunk that tells it.
    prompt_tokens : our estimate, where the upstream does not say.

    Attributes
    ----------
    blocked : whether the policy has ended it.
    ended : whether the upstream has said all.
    """

    def __init__(self, policy: Policy, vault: Vault, *, wants_usage: bool, prompt_tokens: int) -> None:
        self._policy = policy
        self._vault = vault
        self._wants_usage = wants_usage
        self._incoming = Events()
        self._meter = Meter(prompt_tokens)
        self._channels: dict[Channel, ResponseStream] = {}
        self._head: dict[str, Any] = {}
        self.model: str | None = None
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
    def took(self) -> Amount:
        """What it took up to now."""
        return self._meter.took

    @property
    def findings(self) -> Iterator[Finding]:
        """What the policy has found."""
        for channel in self._channels.values():
            yield from channel.findings

    @property
    def has_spoken(self) -> bool:
        """Whether any token has come."""
        return self._meter.has_spoken

    def _events_of(self, data: bytes) -> Iterator[bytes]:
        if data == b"[DONE]":
            self.ended = self._meter.ended = True
            yield from self._rest()
            return
        event = event_of(data)
        self._learn(event)
        choices = event.get("choices")
        if not isinstance(choices, list) or not choices:
            if self._wants_usage or event.get("usage") is None:
                yield _event(event)
            return
        if not self._wants_usage:
            event.pop("usage", None)
        before = [made for choice in choices for made in self._judge(choice)]
        if self.blocked:
            yield self._chunk([{"index": 0, "delta": {}, "finish_reason": "content_filter"}])
            return
        if before:
            yield self._chunk(before)
        event["choices"] = [choice for choice in choices if _says(choice)]
        if event["choices"]:
            yield _event(event)

    def _learn(self, event: dict[str, Any]) -> None:
        self._meter.learn(event)
        if isinstance(event.get("model"), str):
            self.model = event["model"]
        if not self._head:
            self._head = {name: event[name] for name in ("id", "object", "created", "model") if name in event}

    def _judge(self, choice: Any) -> list[dict[str, Any]]:
        """Put a choice's texts through the policy, in place; what must go out before it, where it ends."""
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(delta, dict):
            raise BrokenStreamError("a choice of the stream has no delta")
        place = choice.get("index", 0)
        spoken = 0
        for field in _FIELDS:
            if isinstance(delta.get(field), str):
                spoken += len(delta[field].encode())
                delta[field] = self._channel((place, field, -1)).feed(delta[field])
        for call in delta.get("tool_calls") or ():
            function = call.get("function") or {}
            if isinstance(function.get("arguments"), str):
                spoken += len(function["arguments"].encode())
                channel = self._channel((place, "arguments", call.get("index", 0)))
                function["arguments"] = channel.feed(function["arguments"])
            spoken += len(str(function.get("name") or ""))
        self._meter.spoke(spoken)
        self.blocked = self.blocked or any(channel.blocked for channel in self._channels.values())
        if choice.get("finish_reason") is None:
            return []
        return list(self._finish(lambda key: key[0] == place))

    def _finish(self, wanted: Callable[[Channel], bool]) -> Iterator[dict[str, Any]]:
        for key, channel in self._channels.items():
            rest = channel.finish() if wanted(key) else ""
            self.blocked = self.blocked or channel.blocked
            if rest:
                index, field, call = key
                delta: dict[str, Any] = {field: rest}
                if field == "arguments":
                    delta = {"tool_calls": [{"index": call, "function": {"arguments": rest}}]}
                yield {"index": index, "delta": delta, "finish_reason": None}

    def _rest(self) -> Iterator[bytes]:
        """What is held back still, where the upstream has ended without a finish reason."""
        choices = list(self._finish(lambda _: True))
        if choices and not self.blocked:
            yield self._chunk(choices)

    def _channel(self, key: Channel) -> ResponseStream:
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = ResponseStream(self._policy, self._vault)
        return channel

    def _chunk(self, choices: list[dict[str, Any]]) -> bytes:
        return _event({**self._head, "choices": choices})


def _says(choice: dict[str, Any]) -> bool:
    """Whether anything is left in a choice after the policy has held its text back."""
    if choice.get("finish_reason") is not None:
        return True
    delta = choice["delta"]
    return any(value not in ("", None) for value in delta.values()) if delta else False


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + _encode(value) + b"\n\n"
