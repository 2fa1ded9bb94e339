"""`ml-guard research replay`: the same again, or the first step that differs and why."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from guard_cli.research import replay_research
from guard_core.settings import Settings
from guard_store.db.database import Database
from guard_store.research.steps import ResearchStep, ResearchStepStore
from guard_store.research.tables import research_steps
from guard_store.research.tool_calls import ToolCall, ToolCallStore
from guard_store.retention.sweeps import sweep_research
from serving.app import Services
from serving.assistant.tools.arguments import digest
from tests.serving.assistant.research.conftest import AddDocument
from tests.support.assistant import GDPR, run_research
from tests.support.ledger import read_chain
from tests.support.settings import settings_of, with_values

both_engines = pytest.mark.parametrize("engine", ["sqlite", "postgresql"])


async def replayed(settings: Settings, request_id: str) -> int:
    """The exit code of the command, which runs a loop of its own."""
    return await asyncio.to_thread(replay_research, settings, request_id)


@both_engines
@pytest.mark.parametrize("embedding", ["packaged"])
async def test_a_research_comes_out_the_same(
    analyst: httpx.AsyncClient, settings: Settings, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    told = await run_research(analyst)
    assert await replayed(settings, told["request_id"]) == 0
    said = capsys.readouterr().out
    assert "all steps came out the same" in said
    assert said.count(" same") == len(told["audit_trace"]) + 1
    assert "version" not in said
    again_rows = read_chain(services, request_id=f"replay:{told['request_id']}")
    assert [row["response_hash"] for row in again_rows] == [call["result_hash"] for call in told["audit_trace"]]
    assert read_chain(services, route="ml-guard research replay")[0]["details"]["end"] == "same"
    assert services.audit.store.verify().ok


async def test_a_changed_knowledge_base_is_named_with_the_first_step_that_differs(
    analyst: httpx.AsyncClient, settings: Settings, add_document: AddDocument, capsys: pytest.CaptureFixture[str]
) -> None:
    told = await run_research(analyst)
    add_document("more.md", "# Data retention under GDPR\n\nData retention under GDPR: retention is data retention.\n")
    assert await replayed(settings, told["request_id"]) == 1
    said = capsys.readouterr().out
    assert "version 1 now, had 0" in said
    assert "step 1 (search) is the first that differs: the result is" in said


async def test_nothing_kept_is_exit_code_2(
    analyst: httpx.AsyncClient, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await replayed(settings, "never-made") == 2
    assert "nothing is kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("hash_too", "why"), [(False, "does not match its hash"), (True, "the ledger has other hashes")]
)
async def test_an_input_that_was_changed_is_found(
    analyst: httpx.AsyncClient,
    settings: Settings,
    services: Services,
    capsys: pytest.CaptureFixture[str],
    hash_too: bool,
    why: str,
) -> None:
    told = await run_research(analyst)
    changed = {"topic": "something else", "top_k": 24}
    values = {"input": json.dumps(changed)} | ({"input_hash": digest(changed)} if hash_too else {})
    with services.database.write() as connection:
        connection.execute(update(research_steps).where(research_steps.c.place == 0).values(values))
    assert await replayed(settings, told["request_id"]) == 1
    assert why in capsys.readouterr().out


async def test_a_request_id_that_is_used_again_means_the_newest(
    analyst: httpx.AsyncClient, settings: Settings, services: Services
) -> None:
    for topic in ("risk levels of the AI Act", GDPR):
        answer = await analyst.post("/research", json={"topic": topic}, headers={"X-Request-ID": "mine"})
        assert answer.status_code == 200
    assert {
        json.loads(step.input)["topic"] for step in services.research.steps.of("mine") if step.tool == "search"
    } == {GDPR}
    assert await replayed(settings, "mine") == 0


def test_steps_are_forgotten_as_the_settings_say(database: Database, tmp_path: Path) -> None:
    store = ResearchStepStore(database)
    step = ResearchStep("call", "old", 0, None, None, "search", "{}", "h", "h", None, made_us=1)
    store.add([step])
    settings = settings_of(home=tmp_path)
    assert settings.retention.research_days == 30
    assert sweep_research(database, settings) == 1
    assert store.of("old") == []
    assert sweep_research(database, settings) == 0


def test_calls_of_others_are_remembered_as_long_as_the_ledger(database: Database, tmp_path: Path) -> None:
    store = ToolCallStore(database)
    call = ToolCall("key", "call", None, "tool", "hash", allowed=True, rule=None, reason=None, checked_us=1)
    assert store.add(call) == call
    sweep_research(database, settings_of(home=tmp_path))
    assert store.get("key", "call") == call
    sweep_research(database, settings_of(home=tmp_path, retention_log_days=1))
    assert store.get("key", "call") is None


async def test_with_no_days_nothing_is_kept(analyst: httpx.AsyncClient, services: Services) -> None:
    kept = services.research._settings
    services.research._settings = with_values(kept, retention_research_days=0)
    told = await run_research(analyst)
    assert services.research.steps.of(told["request_id"]) == []
