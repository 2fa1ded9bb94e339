"""A champion that the rule has promoted, and what the days after show: the world turns back, and version 2 is worse than version 1."""

import json
from typing import Any

import pytest

from guard_cli.models import decide
from guard_store.alerts.facts import FactStore
from guard_store.ledger.store import LedgerFilter, LedgerStore
from guard_store.monitoring.baselines import BaselineStore
from guard_store.projects.store import ProjectStore
from guard_store.retraining.decisions import Decision, DecisionStore
from guard_store.retraining.probations import Probation, ProbationStore
from guard_store.retraining.registry import CHAMPION, Registry, RegistryUnavailableError
from guard_store.retraining.training_runs import TrainingRunStore
from serving.app import Services
from serving.retraining.versions.service import VersionService
from tests.support.pipeline_projects import MODEL, PROJECT, SETTINGS, send_days, train_first
from tests.support.pipelines import Pipelines
from tests.support.stored_events import event, store

KEY = (PROJECT, MODEL)


def champion(pipelines: Pipelines) -> str:
    return Registry(pipelines.settings.storage.mlflow).aliases(*KEY)[CHAMPION]


def probation(pipelines: Pipelines) -> Probation | None:
    run = TrainingRunStore(pipelines.database).of_version(*KEY, "2")
    assert run is not None
    return Probation.of(run.evaluation)


def rollbacks(pipelines: Pipelines) -> list[Decision]:
    decisions = DecisionStore(pipelines.database).newest(*KEY, 100)
    return [decision for decision in decisions if decision.action == "rolled_back"]


def promote_second(pipelines: Pipelines, **promotion: Any) -> None:
    """The rule promotes version 2, which has learned from a turned world; nothing else is trained afterwards."""
    train_first(pipelines)
    projects = ProjectStore(pipelines.database)
    settings = {**SETTINGS, "promotion": {**SETTINGS["promotion"], **promotion}}
    projects.update(PROJECT, settings=settings)
    send_days(pipelines.database, 11, 18, turned=True)
    pipelines.settle()
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success
    assert champion(pipelines) == "2"
    projects.update(PROJECT, settings={**settings, "retrain": {"enabled": False}})


def send_back_days(pipelines: Pipelines) -> None:
    """The world has turned back."""
    send_days(pipelines.database, 19, 26)


def test_a_worse_version_is_rolled_back_by_the_rule_with_decision_alert_and_ledger_entry(pipelines: Pipelines) -> None:
    promote_second(pipelines)
    assert probation(pipelines) == Probation("1", 14)
    baselines = BaselineStore(pipelines.database).versions(*KEY)
    send_back_days(pipelines)
    pipelines.settle()

    assert champion(pipelines) == "1"
    (decision,) = rollbacks(pipelines)
    assert (decision.version, decision.champion_before, decision.decided_by) == ("1", "2", "rule")
    assert decision.reason.startswith("on probation, ROC AUC of version 2 is worse than that of version 1: by -0.")
    assert decision.reason.endswith("from 8 daily gains), on 8 labelled days up to 2013-01-26")
    after = probation(pipelines)
    assert after is not None
    assert (after.state, after.days, after.last_day) == ("rolled_back", 8, "2013-01-26")
    assert after.gain is not None
    assert after.gain["high"] < 0
    facts = FactStore(pipelines.database).newest(PROJECT, 20)
    assert [fact.message for fact in facts if fact.kind == "retrain_rolled_back"] == [
        "Version 1 is the champion again, in place of version 2: rolled back by the rule."
    ]
    row = LedgerStore(pipelines.database, None).page(LedgerFilter(route="promotion"), None, 1)[0]
    assert (row.method, row.model) == ("RULE", f"{MODEL}/1")
    assert json.loads(row.details)["action"] == "rolled_back"
    assert BaselineStore(pipelines.database).versions(*KEY) == baselines

    send_days(pipelines.database, 27, 28)
    pipelines.settle()
    assert len(rollbacks(pipelines)) == 1
    service = Services(pipelines.settings, pipelines.database).parts.get(VersionService)
    shown = service.detail(*KEY, "2")
    assert shown.probation is not None
    assert (shown.probation.state, shown.probation.against) == ("rolled_back", "1")
    assert "probation" not in (shown.evaluation or {})


def test_a_version_that_is_not_worse_passes_after_its_days_and_is_not_looked_at_again(pipelines: Pipelines) -> None:
    promote_second(pipelines, probation_days=4)
    send_days(pipelines.database, 19, 20, turned=True)
    pipelines.settle()
    assert probation(pipelines) == Probation("1", 4)  # two days are too few for a look
    send_days(pipelines.database, 21, 21, turned=True)
    pipelines.settle()
    watched = probation(pipelines)
    assert watched is not None
    assert (watched.state, watched.days, watched.rows) == ("watching", 3, 450)
    send_days(pipelines.database, 22, 22, turned=True)
    pipelines.settle()
    passed = probation(pipelines)
    assert passed is not None
    assert (passed.state, passed.days, passed.last_day) == ("passed", 4, "2013-01-22")

    send_days(pipelines.database, 23, 28)
    pipelines.settle()
    assert probation(pipelines) == passed
    assert (champion(pipelines), rollbacks(pipelines)) == ("2", [])


def test_without_probation_days_nothing_is_watched(pipelines: Pipelines) -> None:
    promote_second(pipelines, probation_days=0)
    assert probation(pipelines) is None
    send_back_days(pipelines)
    pipelines.settle()
    assert (champion(pipelines), rollbacks(pipelines)) == ("2", [])


def test_a_promotion_by_a_person_ends_the_probation(pipelines: Pipelines) -> None:
    promote_second(pipelines)
    decide(pipelines.settings, "rollback", *KEY, None, "customers complain")
    decide(pipelines.settings, "promote", *KEY, "2", "they were wrong")
    before = rollbacks(pipelines)
    send_back_days(pipelines)
    pipelines.settle()
    assert champion(pipelines) == "2"
    assert rollbacks(pipelines) == before


def test_a_champion_that_the_registry_has_without_a_decision_ends_the_probation(pipelines: Pipelines) -> None:
    promote_second(pipelines)
    Registry(pipelines.settings.storage.mlflow).set_alias(*KEY, CHAMPION, "1")
    send_back_days(pipelines)
    pipelines.settle()
    ended = probation(pipelines)
    assert ended is not None
    assert ended.state == "ended"
    assert "version 1 as champion, without a decision" in str(ended.reason)
    assert rollbacks(pipelines) == []


@pytest.mark.parametrize("place", ["before the alias", "after the alias"])
def test_a_run_that_is_killed_in_a_rollback_is_completed_by_the_next(pipelines: Pipelines, place: str) -> None:
    promote_second(pipelines)
    send_back_days(pipelines)
    move = Registry.set_alias

    def killed(registry: Registry, *arguments: str) -> None:
        if place == "after the alias":
            move(registry, *arguments)
        raise KeyboardInterrupt

    (request,) = pipelines.tick()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Registry, "set_alias", killed)
        pipelines.run({**request.tags, "dagster/run_key": "killed"}, raises=False)
    assert champion(pipelines) == ("1" if place == "after the alias" else "2")
    assert rollbacks(pipelines) == []
    stored = probation(pipelines)
    assert stored is not None
    assert stored.state == "worse"

    pipelines.settle()
    assert champion(pipelines) == "1"
    assert len(rollbacks(pipelines)) == 1
    facts = FactStore(pipelines.database).newest(PROJECT, 10)
    assert [fact.kind for fact in facts].count("retrain_rolled_back") == 1


def test_a_registry_that_is_down_makes_the_day_due_again_and_no_other_model_waits(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote_second(pipelines)
    send_back_days(pipelines)
    store(pipelines.database, [event(PROJECT, "other", "2013-01-26T08:00:00+00:00", {"x": 1.0})])

    def down(*_: object) -> dict[str, str]:
        raise RegistryUnavailableError("MLflow could not read aliases: down")

    (request,) = pipelines.tick()
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "aliases", down)
        pipelines.run({**request.tags, "dagster/run_key": "down"}, raises=False)
    states = {(state.model_id, state.day): state for state in pipelines.day_states.pending()}
    assert "MLflow could not read aliases" in str(states[MODEL, "2013-01-26"].error)
    assert not [day for model, day in states if model == "other"]
    assert rollbacks(pipelines) == []

    pipelines.settle()
    assert champion(pipelines) == "1"
    assert pipelines.day_states.pending() == []


def test_a_decision_that_is_made_during_the_look_stands(pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    promote_second(pipelines)
    send_back_days(pipelines)
    record = ProbationStore.record

    def somebody_decides(store: ProbationStore, flag_id: str, found: Probation) -> None:
        record(store, flag_id, found)
        if found.state != "worse":
            return
        decide(pipelines.settings, "rollback", *KEY, None, "customers complain")
        decide(pipelines.settings, "promote", *KEY, "2", "they were wrong")

    monkeypatch.setattr(ProbationStore, "record", somebody_decides)
    pipelines.settle()
    assert champion(pipelines) == "2"
    assert [decision.decided_by for decision in rollbacks(pipelines)] == ["person"]
    ended = probation(pipelines)
    assert ended is not None
    assert (ended.state, ended.reason) == (
        "ended",
        "version 2 is not the champion by the rule any more: another decision was made meanwhile",
    )
