"""AWS on this machine: moto's server with seeded results, and a server that misbehaves as AWS can.

Fixtures are in `tests/conftest.py`.
"""

import json
import os
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

Json = dict[str, Any]


def line(service: str, label: str, amount: str, currency: str = "USD", amortised: str | None = None) -> Json:
    """Return a line as Cost Explorer writes it."""
    metrics = {"UnblendedCost": amount, "AmortizedCost": amortised or amount}
    return {
        "Keys": [service, f"project${label}"],
        "Metrics": {name: {"Amount": value, "Unit": currency} for name, value in metrics.items()},
    }


def period(start: str, *lines: Json, estimated: bool = False) -> Json:
    """Return a span of time as Cost Explorer writes it."""
    return {"TimePeriod": {"Start": start, "End": start}, "Total": {}, "Groups": list(lines), "Estimated": estimated}


def page(*periods: Json, following: str | None = None) -> Json:
    """Return an answer as Cost Explorer writes it."""
    return {"ResultsByTime": list(periods), **({"NextPageToken": following} if following else {})}


@dataclass(frozen=True)
class Variables:
    """The AWS variables of this process."""

    monkeypatch: pytest.MonkeyPatch

    def forget(self) -> None:
        """Remove the AWS settings of the developer's account: keys, files and the role of the machine."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            self.monkeypatch.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            self.monkeypatch.setenv(name, os.devnull)
        self.monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def point_to(self, url: str) -> None:
        """Direct calls of AWS to this server, with a key."""
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            self.monkeypatch.setenv(name, "testing")
        self.monkeypatch.setenv("AWS_ENDPOINT_URL", url)


@dataclass(frozen=True)
class SeededAws:
    """Moto's server."""

    url: str

    def seed(self, *pages: Json) -> None:
        """Set the answers to the next questions, one page each; the same question gets the same answer."""
        answer = httpx.post(f"{self.url}/moto-api/static/ce/cost-and-usage-results", json={"results": list(pages)})
        answer.raise_for_status()

    def reset(self) -> None:
        """Remove all seeded answers."""
        httpx.post(f"{self.url}/moto-api/reset").raise_for_status()


@dataclass(frozen=True)
class Refusal:
    """An error as AWS sends it, or a body that makes no sense."""

    status: int
    code: str = ""
    body: bytes = b""


class OddAws(ThreadingHTTPServer):
    """A server that answers from a queue, and records each question with the region that it was signed for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.queue: deque[Json | Refusal] = deque()
        self.asked: list[Json] = []
        self.signed: list[str] = []

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: OddAws

    def do_POST(self) -> None:
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.signed.append(self.headers["Authorization"].split("Credential=")[1].split(",")[0])
        answer = self.server.queue.popleft()
        if isinstance(answer, Refusal):
            status, body = answer.status, answer.body or json.dumps({"__type": answer.code, "message": "no"}).encode()
        else:
            status, body = 200, json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Log nothing: tests read `asked`, not standard error."""
