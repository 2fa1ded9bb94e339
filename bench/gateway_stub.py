"""An OpenAI-compatible server that costs almost no time, so that what is in front of it is measured.

Raw asyncio with fixed responses; run it with a port. It ignores the path, and checks only whether the body requests a stream.
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

_WORDS = 16
_HEAD = {"id": "chatcmpl-1", "created": 1, "model": "stub"}
_USAGE = {"prompt_tokens": 12, "completion_tokens": _WORDS, "total_tokens": 12 + _WORDS}


def _completion() -> bytes:
    message = {"role": "assistant", "content": "word " * _WORDS}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = json.dumps({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _stream() -> bytes:
    deltas = [{"role": "assistant", "content": ""}, *({"content": "word "} for _ in range(_WORDS)), {}]
    events = [
        {**_HEAD, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    events[-1]["choices"][0]["finish_reason"] = "stop"  # type: ignore[index]
    events.append({**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})
    data = [*(json.dumps(event) for event in events), "[DONE]"]
    chunks = [f"data: {event}\n\n".encode() for event in data]
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + body


_RESPONSES = (_completion(), _stream())


class _Protocol(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            length = 0
            for line in self._data[:end].lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line[15:])
            if len(self._data) < end + 4 + length:
                return
            body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
            self._transport.write(_RESPONSES[b'"stream":true' in body.replace(b" ", b"")])


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Protocol, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
