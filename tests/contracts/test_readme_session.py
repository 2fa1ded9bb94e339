"""The working session of README.md, word for word but for the port, on the real stack: it ends as the page describes."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.paths import ROOT
from tests.support.server import environment, free_port, ml_guard

_PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
_SECTION = _PAGE.split("## A working session")[1].split("\n## ")[0]
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```", _SECTION, re.DOTALL | re.MULTILINE)
_PATIENCE_S = 180
_FAILED_RUNS = "{ runsOrError(filter: {statuses: [FAILURE]}) { ... on Runs { results { runId jobName } } } }"


@dataclass
class Reader:
    """A reader who types the blocks of the page, one after the other, into a shell."""

    port: int
    dagster_port: int
    folder: Path
    variables: dict[str, str]
    position: int = 0

    def run_next(self) -> list[Any]:
        """Run the next block; return the JSON documents that it prints."""
        self.position += 1
        return self.repeat()

    def repeat(self) -> list[Any]:
        """Run the block again."""
        language, text = BLOCKS[self.position - 1]
        commands = text.replace("localhost:8000", f"127.0.0.1:{self.port}")
        shell = ["bash", "-e"] if language == "bash" else [sys.executable, "-"]
        done = subprocess.run(
            shell,
            input=commands,
            env={**os.environ, **self.variables},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        return _documents(done.stdout)

    def poll_days(self, days: list[str]) -> None:
        """Repeat the block of `/days` until each day is done."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            (answer,) = self.repeat()
            if {item["day"]: item["state"] for item in answer["items"]} == dict.fromkeys(days, "done"):
                return
            assert time.monotonic() < deadline, answer
            time.sleep(1)

    def failed_runs(self) -> list[Any]:
        """Return the failed runs in Dagster."""
        url = f"http://127.0.0.1:{self.dagster_port}/graphql"
        answer = httpx.post(url, json={"query": _FAILED_RUNS}, timeout=_PATIENCE_S).json()
        runs: list[Any] = answer["data"]["runsOrError"]["results"]
        return runs


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader after `make up`."""
    port, dagster_port = free_port(), free_port()
    env = environment(tmp_path / "home", port=port, dagster_port=dagster_port)
    up = ml_guard("up", "--detach", env=env, cwd=tmp_path)
    try:
        assert up.returncode == 0, up.stderr
        yield Reader(port, dagster_port, tmp_path, {"PYTHONPATH": str(ROOT / "sdk")})
    finally:
        ml_guard("down", env=env, cwd=tmp_path)


@pytest.mark.timeout(900)
def test_the_session_ends_as_the_page_describes_and_leaves_no_failed_run(reader: Reader) -> None:
    project, event = reader.run_next()
    assert (project["id"], event["status"]) == ("proj_123", "accepted")
    reader.variables["EVENT_ID"] = event["event_id"]
    assert reader.run_next() == []  # the client in Python
    (label,) = reader.run_next()
    assert label["status"] == "accepted"

    reader.run_next()
    days_block = reader.position
    reader.poll_days(["2024-12-31", "2025-01-02"])
    metrics, baseline = reader.run_next()
    assert [item["day"] for item in metrics["items"]] == ["2024-12-31", "2025-01-02"]
    assert baseline["version"] == 1
    days_again = replace(reader, position=days_block)
    days_again.poll_days(["2024-12-31", "2025-01-02"])
    (drift,) = reader.run_next()
    assert {item["state"] for item in drift["items"]} == {"insufficient_data"}

    rule, prediction = reader.run_next()
    assert [objection["rule"] for item in rule["items"] for objection in item["against"]] == ["labelled_rows"] * 2
    assert (prediction["status"], "No model is registered yet" in prediction["detail"]) == (404, True)

    answer, research, audit = reader.run_next()
    assert answer["citations"]
    assert research["audit_trace"]
    assert len(audit["items"]) == 5
    assert reader.failed_runs() == []
    assert reader.position == len(BLOCKS) - 1  # the last one needs no server


@pytest.mark.timeout(900)
def test_the_scripts_end_with_the_exit_codes_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "ml").symlink_to(ROOT / "ml")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    language, text = BLOCKS[-1]
    assert language == "bash"
    codes = [
        subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False, timeout=_PATIENCE_S).returncode
        for command in text.splitlines()
    ]
    assert codes == [1, 0, 0]
    assert (tmp_path / "mlflow.db").is_file()


def _documents(text: str) -> list[Any]:
    decoder, documents, position = json.JSONDecoder(), [], 0
    while text[position:].strip():
        position += len(text[position:]) - len(text[position:].lstrip())
        document, position = decoder.raw_decode(text, position)
        documents.append(document)
    return documents
