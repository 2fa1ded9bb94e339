"""A small real HTTP server that keeps events as the API does, and misbehaves on demand."""

import gzip
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from ml_guard import MLGuardClient

ROW: dict[str, Any] = {"project_id": "p", "model_id": "m", "latency_ms": 1.5, "y_pred": 1, "features": {"n": 1}}
UNREACHABLE = "http://127.0.0.1:9"
API_KEY = "secret-key-never-shown"


@dataclass
class Misbehaviour:
    """What to do instead of answering; `store_first` processes the request before."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    store_first: bool = False


DROP = 0


@dataclass
class Seen:
    """One request as it came over the wire, its body decompressed."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.body.splitlines()]


class ApiDouble(ThreadingHTTPServer):
    """Idempotent storage of events by id, pages of two days, and a queue of misbehaviours."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[Seen] = []
        self.stored: dict[str, dict[str, Any]] = {}
        self.misbehaviours: deque[Misbehaviour] = deque()
        self.days: list[dict[str, Any]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def store(self, row: dict[str, Any]) -> str:
        with self.lock:
            if row["event_id"] in self.stored:
                return "duplicate"
            self.stored[row["event_id"]] = row
            return "accepted"

    def answer(self, seen: Seen) -> tuple[int, dict[str, Any]]:
        path = seen.path.split("?")[0]
        always: dict[str, dict[str, Any]] = {
            "/api/v1/health": {"status": "ok"},
            "/api/v1/labels": {"accepted": seen.body.count(b"\n"), "duplicates": 0, "rejected": 0, "errors": []},
        }
        if path in always:
            return 200, always[path]
        if path == "/api/v1/events":
            row = json.loads(seen.body)
            status = self.store(row)
            return 201 if status == "accepted" else 200, {"event_id": row["event_id"], "status": status}
        if path == "/api/v1/events/batch":
            return 200, self._batch(seen.rows)
        if path.endswith(("/metrics", "/drift", "/days")):
            start = int(seen.path.partition("cursor=")[2] or 0)
            more = start + 2 < len(self.days)
            return 200, {"items": self.days[start : start + 2], "next_cursor": str(start + 2) if more else None}
        if path in ("/api/v1/projects", "/api/v1/baselines"):
            return 201, json.loads(seen.body)
        return 404, {"type": "about:blank", "title": "Not Found", "status": 404, "detail": f"no route {path}"}

    def _batch(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        errors = [
            {"index": i, "field": "latency_ms", "reason": "must not be negative"}
            for i, row in enumerate(rows)
            if row.get("latency_ms", 0) < 0
        ]
        bad = {error["index"] for error in errors}
        outcomes = [self.store(row) for i, row in enumerate(rows) if i not in bad]
        return {
            "accepted": outcomes.count("accepted"),
            "duplicates": outcomes.count("duplicate"),
            "rejected": len(errors),
            "errors": errors,
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ApiDouble

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Tests read `seen`, not standard error."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        seen = Seen(self.command, self.path, dict(self.headers.items()), body)
        self.server.seen.append(seen)
        if not self.server.misbehaviours:
            status, answer = self.server.answer(seen)
            kind = "application/problem+json" if status >= 400 else "application/json"
            self._send(status, json.dumps(answer).encode(), {"Content-Type": kind})
            return
        wanted = self.server.misbehaviours.popleft()
        if wanted.store_first:
            self.server.answer(seen)
        if wanted.status == DROP:
            self.close_connection = True
            return
        self._send(wanted.status, wanted.body, wanted.headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Return as soon as a condition holds; fail after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def api() -> Iterator[ApiDouble]:
    """An API on a real socket, which misbehaves on demand."""
    with ApiDouble() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(api: ApiDouble) -> Iterator[MLGuardClient]:
    """A client of that API."""
    with MLGuardClient(base_url=api.url, api_key=API_KEY, timeout_s=5) as client:
        yield client
