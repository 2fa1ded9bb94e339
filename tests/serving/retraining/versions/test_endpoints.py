"""Versions by API and command line: read, compared, promoted, rejected, rolled back, every decision on record."""

import json
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from guard_cli import models as commands
from guard_cli.terminal import CommandError
from guard_store.alerts.facts import FactStore
from guard_store.alerts.fold import fold
from guard_store.alerts.outbox import Outbox
from guard_store.retraining.registry import CHALLENGER, CHAMPION, Registry
from ml.retraining.training.log_run import Tracking, log_evaluation
from serving.app import Services
from tests.serving.predict.registered import MODEL_ID, register
from tests.support.settings import with_values

BASE = f"/api/v1/projects/flights/models/{MODEL_ID}"
WHY = {"reason": "seen in the shadow"}


@pytest.fixture
def two_versions(services: Services, project: str) -> Registry:
    """Version 1 is champion, version 2 challenger."""
    registry = Registry(services.settings.storage.mlflow)
    register(services.settings, project, level=1)
    two = register(services.settings, project, level=2, champion=False)
    registry.set_alias(project, MODEL_ID, CHALLENGER, two)
    return registry


async def test_versions_are_listed_newest_first_with_their_aliases(
    analyst: httpx.AsyncClient, project: str, services: Services
) -> None:
    assert (await analyst.get(f"{BASE}/versions")).json() == {"items": [], "next_cursor": None, "state": "no_versions"}
    register(services.settings, project, level=1)
    register(services.settings, project, level=2, champion=False)
    items = (await analyst.get(f"{BASE}/versions")).json()["items"]
    assert [(one["version"], one["aliases"]) for one in items] == [("2", []), ("1", [CHAMPION])]


@pytest.mark.usefixtures("two_versions")
async def test_a_person_promotes_and_rolls_back_and_both_are_on_record(
    admin: httpx.AsyncClient, two_versions: Registry
) -> None:
    promoted = await admin.post(f"{BASE}/versions/2/promote", json=WHY, headers={"X-Request-ID": "why"})
    assert promoted.json()["aliases"] == [CHAMPION]
    assert two_versions.aliases("flights", MODEL_ID) == {CHAMPION: "2"}
    assert (await admin.post(f"{BASE}/versions/2/promote", json=WHY)).status_code == 409
    back = await admin.post(f"{BASE}/rollback", json={"reason": "worse after all"})
    assert (back.json()["version"], back.json()["aliases"]) == ("1", [CHAMPION])
    rolled, made = (await admin.get(f"{BASE}/decisions")).json()["items"]
    assert (made["action"], made["version"], made["champion_before"]) == ("promoted", "2", "1")
    assert made["decided_by"] == "person"
    assert (made["reason"], made["role"], made["request_id"]) == (WHY["reason"], "admin", "why")
    assert (rolled["action"], rolled["version"], rolled["champion_before"]) == ("rolled_back", "1", "2")
    again = await admin.post(f"{BASE}/rollback", json={"reason": "worse too"})
    assert again.status_code == 409, "a second rollback does not lead back to what was rolled back"


@pytest.mark.usefixtures("two_versions")
async def test_a_promotion_by_hand_and_a_rollback_are_told(admin: httpx.AsyncClient, services: Services) -> None:
    await services.alerts.stop()
    await admin.post(f"{BASE}/versions/2/promote", json=WHY, headers={"X-Request-ID": "why"})
    await admin.post(f"{BASE}/rollback", json={"reason": "worse after all"})
    settings = with_values(services.settings, alert_routes={"chat": SecretStr("file:///nowhere")})
    rolled, made = FactStore(services.database).newest("flights", 10)
    assert (made.kind, made.message) == (
        "retrain_promoted",
        "Version 2 is the champion now, in place of version 1: promoted by hand.",
    )
    assert made.request_id == "why"
    assert (rolled.kind, rolled.message) == (
        "retrain_rolled_back",
        "Version 1 is the champion again, in place of version 2: rolled back.",
    )
    fold(services.database, settings, gather_s=0)
    (message,) = Outbox(services.database).page(project_id="flights", state=None, before=None, limit=10)
    assert message.title == f"[INFO] flights/{MODEL_ID}: new champion, champion rolled back"
    assert "Reason: worse after all" in message.body
    assert f"{BASE}/versions/" in message.body


async def test_a_rejected_challenger_loses_its_alias_and_a_champion_cannot_be_rejected(
    admin: httpx.AsyncClient, two_versions: Registry
) -> None:
    assert (await admin.post(f"{BASE}/versions/2/reject", json=WHY)).json()["aliases"] == []
    assert two_versions.aliases("flights", MODEL_ID) == {CHAMPION: "1"}
    answer = await admin.post(f"{BASE}/versions/1/reject", json=WHY)
    assert answer.status_code == 409
    assert "roll back" in answer.json()["detail"]


@pytest.mark.usefixtures("two_versions")
async def test_what_does_not_exist_is_said(admin: httpx.AsyncClient) -> None:
    assert (await admin.get(f"{BASE}/versions/9")).status_code == 404
    assert (await admin.post(f"{BASE}/versions/9/promote", json=WHY)).status_code == 404
    assert (await admin.get(f"{BASE}/comparison", params={"a": "1", "b": "9"})).status_code == 404
    assert (await admin.get(f"{BASE}/versions/latest")).status_code == 422
    answer = await admin.post(f"{BASE}/rollback", json=WHY)
    assert answer.status_code == 409
    assert "no champion before" in answer.json()["detail"]


@pytest.mark.usefixtures("two_versions")
async def test_analysts_read_and_do_not_decide(analyst: httpx.AsyncClient) -> None:
    assert (await analyst.get(f"{BASE}/versions/1")).status_code == 200
    for path in ("versions/2/promote", "versions/2/reject", "rollback"):
        assert (await analyst.post(f"{BASE}/{path}", json=WHY)).status_code == 403


async def test_curves_are_served_as_they_were_logged_and_their_absence_is_a_state(
    analyst: httpx.AsyncClient, services: Services, two_versions: Registry, tmp_path: Path
) -> None:
    roc = {"x": [0.0, 0.2, 1.0], "y": [0.0, 0.7, 1.0]}
    curves = {"task": "binary", "models": {"candidate": {"roc": roc}, "champion": {"roc": roc}}}
    folder = tmp_path / "evaluation"
    folder.mkdir()
    (folder / "curves.json").write_text(json.dumps(curves))
    version = two_versions.version("flights", MODEL_ID, "1")
    assert version is not None
    assert version.run_id is not None
    storage = services.settings.storage
    log_evaluation(Tracking(storage.mlflow, storage.mlflow_artifacts), version.run_id, {}, folder)
    logged = (await analyst.get(f"{BASE}/versions/1/curves")).json()
    assert (logged["state"], logged["task"], list(logged["models"])) == ("ok", "binary", ["candidate", "champion"])
    assert logged["models"]["candidate"]["roc"] | roc == logged["models"]["candidate"]["roc"]
    missing = (await analyst.get(f"{BASE}/versions/2/curves")).json()
    assert missing == {"state": "no_curves", "task": None, "models": {}}
    assert (await analyst.get(f"{BASE}/versions/9/curves")).status_code == 404


async def test_where_the_registry_does_not_answer_nothing_is_decided(
    admin: httpx.AsyncClient, services: Services, two_versions: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.registry, "_uri", "http://127.0.0.1:9")
    monkeypatch.setattr(services.registry, "_client", None)
    answer = await admin.post(f"{BASE}/versions/2/promote", json=WHY)
    assert answer.status_code == 503
    assert "MLflow could not" in answer.json()["detail"]
    assert services.decisions.newest("flights", MODEL_ID, 10) == []
    assert FactStore(services.database).newest("flights", 10) == []


def test_the_command_line_lists_promotes_and_rolls_back(
    services: Services, two_versions: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = services.settings
    commands.print_versions(settings, "flights", MODEL_ID)
    assert "challenger" in capsys.readouterr().out
    commands.print_versions(settings, "flights", MODEL_ID, as_json=True)
    assert {"challenger"} in [set(version["aliases"]) for version in json.loads(capsys.readouterr().out)]
    commands.decide(settings, "promote", "flights", MODEL_ID, "2", "by hand")
    assert two_versions.aliases("flights", MODEL_ID)[CHAMPION] == "2"
    commands.decide(settings, "rollback", "flights", MODEL_ID, None, "by hand")
    assert two_versions.aliases("flights", MODEL_ID)[CHAMPION] == "1"
    with pytest.raises(CommandError, match="champion already"):
        commands.decide(settings, "promote", "flights", MODEL_ID, "1", "by hand")
    with pytest.raises(CommandError, match="has no versions yet"):
        commands.print_versions(settings, "flights", "other")
    assert {one.key_id for one in services.decisions.newest("flights", MODEL_ID, 10)} == {"cli"}
