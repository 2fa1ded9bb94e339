"""The health checks by themselves: they pass when the service answers well, and say why when it does not."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.deploy.compose import read_services
from tests.deploy.machine import Machine
from tests.support.paths import ROOT


@contextmanager
def _page(address: str, port: int, path: str, status: int) -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status if self.path == path else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it so)
            pass

    with ThreadingHTTPServer((address, port), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{address}:{server.server_port}{path}"
        finally:
            server.shutdown()
            thread.join()


def _check(url: str) -> subprocess.CompletedProcess[str]:
    script = ROOT / "deploy" / "healthcheck.py"
    return subprocess.run([sys.executable, script, url], capture_output=True, text=True, timeout=30, check=False)


def test_good_page_is_healthy() -> None:
    with _page("127.0.0.1", 0, "/readyz", 200) as url:
        assert _check(url).returncode == 0


def test_bad_page_is_unhealthy_and_says_so() -> None:
    with _page("127.0.0.1", 0, "/readyz", 503) as url:
        check = _check(url)
    assert check.returncode == 1
    assert "503" in check.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/readyz", "grpc://127.0.0.1:9/DagsterApi"])
def test_nobody_there_is_unhealthy_and_says_so(url: str) -> None:
    check = _check(url)
    assert check.returncode == 1
    assert url in check.stderr
    assert "Traceback" not in check.stderr


def test_another_scheme_is_refused() -> None:
    assert "the scheme must be http or grpc" in _check("file:///etc/passwd").stderr


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_qdrant_is_healthy_when_its_page_says_so(tmp_path: Path, status: int, healthy: bool) -> None:
    machine = Machine(read_services({"POSTGRES_PASSWORD": "secret"}), tmp_path)
    machine.skip_without_addresses()
    with _page(machine.addresses["qdrant"], 6333, "/readyz", status):
        assert machine.is_healthy("qdrant") is healthy
    assert machine.is_healthy("qdrant") is False
