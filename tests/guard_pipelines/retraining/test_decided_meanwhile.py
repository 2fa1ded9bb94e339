"""A person decides about a version whose training was killed before it could say that it is done: the decision stands."""

import json
from typing import Any

import pytest

from guard_cli.models import decide
from guard_store.alerts.facts import FactStore
from guard_store.ledger.store import LedgerFilter, LedgerStore
from guard_store.retraining.decisions import DecisionStore
from guard_store.retraining.flags import FlagStore, FlagTakenError
from guard_store.retraining.registry import CHALLENGER, CHAMPION, Registry
from guard_store.retraining.training_runs import TrainingRunStore
from tests.support.pipeline_projects import MODEL, PROJECT, force, send_days, train_first
from tests.support.pipelines import Pipelines

KEY = (PROJECT, MODEL)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRAIN_RETRY_DELAY_S", "0")


def aliases(pipelines: Pipelines) -> dict[str, str]:
    return Registry(pipelines.settings.storage.mlflow).aliases(*KEY)


def trained_but_not_finished(pipelines: Pipelines, *, turned: bool) -> None:
    """Version 2 has its alias, and nothing of that is on record."""
    train_first(pipelines)
    last = 18 if turned else 12
    send_days(pipelines.database, 11, last, turned=turned)
    pipelines.settle()
    if FlagStore(pipelines.database).active(*KEY) is None:
        force(pipelines.database, last)
    (request,) = pipelines.tick_retrain()

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingRunStore, "finish", killed)
        pipelines.retrain(request, raises=False)
    assert pipelines.tick_retrain() == []  # this look counts the failure


def repaired(pipelines: Pipelines) -> tuple[str, str]:
    """The next run; returns what it has decided, and why."""
    (request,) = pipelines.tick_retrain()
    assert pipelines.retrain(request).success
    assert FlagStore(pipelines.database).active(*KEY) is None
    newest = DecisionStore(pipelines.database).newest(*KEY, 1)[0]
    assert (newest.version, newest.decided_by) == ("2", "rule")
    row = LedgerStore(pipelines.database, None).page(LedgerFilter(route="promotion"), None, 1)[0]
    assert (row.method, row.model, row.project_id) == ("RULE", f"{KEY[1]}/2", KEY[0])
    details = json.loads(row.details)
    assert (details["decided_by"], details["action"], details["reason"]) == ("rule", newest.action, newest.reason)
    return newest.action, newest.reason


def test_a_champion_that_was_rolled_back_is_not_promoted_again_and_its_flag_is_finished_once(
    pipelines: Pipelines,
) -> None:
    trained_but_not_finished(pipelines, turned=True)
    assert aliases(pipelines) == {CHAMPION: "2"}
    decide(pipelines.settings, "rollback", *KEY, None, "customers complain")

    action, reason = repaired(pipelines)
    assert aliases(pipelines) == {CHAMPION: "1"}
    assert action == "rejected"
    assert reason.startswith("a person has decided against it meanwhile (rolled_back): customers complain; ")
    newest = FactStore(pipelines.database).newest(PROJECT, 1)[0]
    assert newest.message == "Version 2 was not promoted, version 1 stays the champion."

    before = DecisionStore(pipelines.database).newest(*KEY, 10)
    flag = FlagStore(pipelines.database).newest(*KEY, 1)[0]
    with pytest.raises(FlagTakenError, match="not active any more"):
        TrainingRunStore(pipelines.database).finish(
            flag, action="promoted", reason="overtaken", version="7", champion_before="1"
        )
    assert DecisionStore(pipelines.database).newest(*KEY, 10) == before
    run = TrainingRunStore(pipelines.database).of_flag(flag.id)
    assert run is not None
    assert run.model_version == "2"


def test_a_challenger_that_was_rejected_does_not_come_back(pipelines: Pipelines) -> None:
    trained_but_not_finished(pipelines, turned=False)
    assert aliases(pipelines) == {CHAMPION: "1", CHALLENGER: "2"}
    decide(pipelines.settings, "reject", *KEY, "2", "unfair")

    action, reason = repaired(pipelines)
    assert aliases(pipelines) == {CHAMPION: "1"}
    assert action == "rejected"
    assert "(rejected): unfair" in reason


def test_a_challenger_that_was_promoted_by_hand_stays_the_champion(pipelines: Pipelines) -> None:
    trained_but_not_finished(pipelines, turned=False)
    decide(pipelines.settings, "promote", *KEY, "2", "seen in the shadow")

    action, reason = repaired(pipelines)
    assert aliases(pipelines) == {CHAMPION: "2"}
    assert action == "rejected"
    assert "not surely better" in reason
    newest = FactStore(pipelines.database).newest(PROJECT, 1)[0]
    assert newest.message == "Version 2 was not promoted, it is the champion by hand."
