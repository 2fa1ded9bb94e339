"""Facts into alerts and messages: opened once, told once, grouped by model, ended, never twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from guard_core.alerting import links
from guard_store.alerts.fold import fold
from guard_store.alerts.outbox import Outbox
from guard_store.alerts.policies import PolicyStore
from guard_store.alerts.store import AlertStore
from guard_store.db.database import Database
from guard_store.retraining.decisions import Actor
from tests.support.alert_facts import MODEL, PROJECT, Facts, instant
from tests.support.settings import with_values

ACTOR = Actor("key-1", "admin", "request-2")


@pytest.fixture
def facts(database: Database) -> Facts:
    return Facts(database)


def test_a_drift_a_retraining_and_its_end_are_one_incident_with_one_thread(facts: Facts) -> None:
    facts.drift("2013-02-28", message="Drift in temp, dewp (2 of 13 columns).", value=0.15, since_day="2013-02-27")
    facts.write("retrain_recommended", "retrain/1", "Retraining is recommended: drift.")
    (first,) = facts.fold()
    facts.write("retrain_started", "retrain/1", "Retraining has started.", op="notes")
    (second,) = facts.fold("2013-03-05T12:05:00Z")
    clears = ["drift", "performance"]
    facts.write("retrain_promoted", "retrain/1", "Version 2 is the champion.", op="clears", clears=clears)
    (third,) = facts.fold("2013-03-05T12:10:00Z")

    assert first.title == "[WARNING] flights/late: drift, retraining recommended"
    assert "New (warning, since 2013-02-27): Drift in temp, dewp (2 of 13 columns)." in first.body
    assert "New (info): Retraining is recommended: drift." in first.body
    assert second.title == "[UPDATE] flights/late: retraining started"
    assert "Still open:\n  drift (warning), since 2013-02-27" in second.body
    assert third.title == "[RESOLVED] flights/late: new champion, drift ended"
    assert "Retraining has ended. Version 2 is the champion." in third.body
    assert "Ended with it: drift, open since 2013-02-27." in third.body
    assert {one.incident_id for one in (first, second, third)} == {first.incident_id}
    assert [one.seq for one in (first, second, third)] == [1, 2, 3]
    assert {one.thread for one in facts.messages()} == {first.title}
    assert {alert.state for alert in facts.alerts()} == {"resolved"}
    assert facts.fold() == []


def test_the_same_again_changes_nothing_and_tells_nobody(facts: Facts) -> None:
    facts.drift("2013-03-01", value=0.2)
    assert len(facts.fold()) == 1
    facts.drift("2013-03-02", value=0.21)
    facts.drift("2013-03-03", value=0.19)
    assert facts.fold("2013-03-06T12:00:00Z") == []
    (alert,) = facts.alerts()
    assert (alert.day, alert.since_day, alert.value, alert.told_value) == ("2013-03-03", "2013-03-01", 0.19, 0.2)


def test_it_got_worse_is_told_once_a_local_day_at_most(facts: Facts) -> None:
    facts.drift("2013-03-01", value=0.1)
    facts.fold("2013-03-05T12:00:00Z")
    facts.drift("2013-03-02", value=0.2)
    assert facts.fold("2013-03-06T04:30:00Z") == []  # still the fifth in New York
    facts.drift("2013-03-03", value=0.3)
    (message,) = facts.fold("2013-03-06T06:00:00Z")
    assert message.title == "[UPDATE] flights/late: drift"
    facts.drift("2013-03-04", value=0.9)
    assert facts.fold("2013-03-06T12:00:00Z") == []


def test_an_acknowledged_alert_tells_only_its_end(facts: Facts) -> None:
    facts.drift("2013-03-01", value=0.1)
    facts.fold()
    (alert,) = facts.alerts()
    assert AlertStore(facts.database).acknowledge(alert.id, "I look at it", ACTOR)
    facts.drift("2013-03-02", value=0.9)
    assert facts.fold("2013-03-07T12:00:00Z") == []
    facts.drift("2013-03-03", op="clears", message="It is in order.")
    (message,) = facts.fold("2013-03-08T12:00:00Z")
    assert message.title.startswith("[RESOLVED]")
    actions = [step.action for step in AlertStore(facts.database).history(alert.id)]
    assert actions == ["opened", "acknowledged", "resolved"]
    assert not AlertStore(facts.database).acknowledge(alert.id, "too late", ACTOR)


def test_a_recomputed_older_day_neither_changes_nor_ends_nor_opens_anything(facts: Facts) -> None:
    facts.drift("2013-03-05", value=0.1)
    facts.fold()
    facts.drift("2013-03-01", op="clears")
    facts.drift("2013-03-02", value=5.0)
    assert facts.fold("2013-03-09T12:00:00Z") == []
    (alert,) = facts.alerts()
    assert (alert.state, alert.day, alert.value) == ("open", "2013-03-05", 0.1)


def test_two_policies_that_see_the_same_are_one_message_of_the_worse_severity(facts: Facts) -> None:
    facts.policy("much", when="drift", threshold=0.5, severity="critical")
    facts.drift("2013-03-05")
    facts.write("drift", "policy/much/drift", "Drift in temp.", day="2013-03-05", policy="much")
    (message,) = facts.fold()
    assert message.title == "[CRITICAL] flights/late: drift"
    assert message.body.count("Drift in temp.") == 1
    assert len(facts.alerts()) == 2


def test_models_have_incidents_of_their_own(facts: Facts) -> None:
    facts.drift("2013-03-05")
    facts.drift("2013-03-05", model="other")
    messages = facts.fold()
    assert len({message.incident_id for message in messages}) == len(messages) == 2


def test_each_route_is_told_what_its_policies_say_and_no_more(database: Database) -> None:
    facts = Facts(database, routes=("chat", "pager"))
    facts.policy("drift", when="drift", routes=["chat"])
    facts.policy("performance", when="performance", severity="critical", routes=["pager", "chat"])
    facts.drift("2013-03-05")
    facts.write("performance", "policy/performance/performance", "AUC is low.", policy="performance", day="2013-03-05")
    by_route = {message.route: message for message in facts.fold()}
    assert "Drift" in by_route["chat"].body
    assert "AUC" in by_route["chat"].body
    assert "Drift" not in by_route["pager"].body
    facts.write("performance", "policy/performance/performance", "It is fine.", op="clears", policy="performance")
    ended = {message.route: message for message in facts.fold("2013-03-06T12:00:00Z")}
    assert ended["pager"].title.startswith("[RESOLVED]")
    assert ended["chat"].title.startswith("[UPDATE]")
    assert "Still open:\n  drift (warning)" in ended["chat"].body


def test_a_muted_policy_is_on_record_and_tells_nobody_until_its_end(facts: Facts) -> None:
    facts.policy("drift", when="drift", muted_until="2013-03-06T00:00:00Z")
    facts.drift("2013-03-05", value=0.1)
    assert facts.fold("2013-03-05T12:00:00Z") == []
    assert [alert.state for alert in facts.alerts()] == ["open"]
    facts.drift("2013-03-07", op="clears")
    assert facts.fold("2013-03-07T12:00:00Z") == []  # nobody knows of it
    facts.drift("2013-03-08")
    assert len(facts.fold("2013-03-08T12:00:00Z")) == 1


def test_a_muted_alert_tells_nobody(facts: Facts) -> None:
    facts.drift("2013-03-05", value=0.1)
    facts.fold("2013-03-05T12:00:00Z")
    (alert,) = facts.alerts()
    AlertStore(facts.database).mute(alert.id, instant("2013-03-09T00:00:00Z"), "known", ACTOR)
    facts.drift("2013-03-06", value=0.9)
    assert facts.fold("2013-03-07T12:00:00Z") == []
    facts.drift("2013-03-07", value=0.95)
    assert len(facts.fold("2013-03-09T12:00:00Z")) == 1


def test_at_night_messages_wait_for_the_morning_and_a_critical_one_brings_them_along(facts: Facts) -> None:
    night = {"start": "22:00", "end": "07:00"}
    facts.policy("drift", when="drift", quiet_hours=night)
    facts.policy("performance", when="performance", severity="critical", quiet_hours=night)
    facts.drift("2013-03-09")
    (waiting,) = facts.fold("2013-03-10T05:00:00Z")  # midnight in New York, where the clock goes forward at two
    assert waiting.due_us == instant("2013-03-10T11:00:00Z")
    facts.write("performance", "policy/performance/performance", "AUC is low.", policy="performance")
    facts.fold("2013-03-10T06:00:00Z")
    assert [message.due_us for message in facts.messages()] == [instant("2013-03-10T06:00:00Z")] * 2


def test_a_policy_of_ones_own_takes_the_place_of_a_default_and_gives_it_back(facts: Facts) -> None:
    facts.policy("drift", when="drift", enabled=False)
    facts.drift("2013-03-05")
    assert facts.fold() == []
    assert facts.alerts() == []
    assert PolicyStore(facts.database).remove(PROJECT, "drift")
    facts.drift("2013-03-06")
    assert len(facts.fold()) == 1


def test_a_policy_is_about_the_models_that_it_names(facts: Facts) -> None:
    facts.policy("drift", when="drift", model="prod-*")
    facts.drift("2013-03-05")
    facts.drift("2013-03-05", model="prod-1")
    assert [message.model_id for message in facts.fold()] == ["prod-1"]


def test_a_budget_that_was_passed_is_over_with_its_span(facts: Facts) -> None:
    facts.write("budget", "budget:b:2013-03-05", "The soft budget is passed.", model=None, span="2013-03-05")
    (message,) = facts.fold("2013-03-05T12:00:00Z")
    assert message.title == "[WARNING] flights: soft budget passed"
    assert facts.fold("2013-03-06T04:59:00Z") == []
    (ended,) = facts.fold("2013-03-06T05:00:00Z")
    assert ended.title == "[RESOLVED] flights: budget reset"


def test_a_step_that_nothing_was_open_for_is_told_and_resolves_nothing(facts: Facts) -> None:
    facts.write("retrain_promoted", "retrain/7", "Version 3 is the champion.", op="clears", clears=["drift"])
    (message,) = facts.fold()
    assert message.title == "[INFO] flights/late: new champion"
    assert message.payload["state"] == "resolved", "the incident is over for machines"


def test_how_bad_a_message_is_says_what_is_new_and_not_what_is_known(facts: Facts) -> None:
    facts.policy("performance", when="performance", severity="critical")
    facts.write("performance", "policy/performance/performance", "AUC is low.", policy="performance", day="2013-03-05")
    facts.fold()
    facts.write("retrain_recommended", "retrain/1", "Retraining is recommended.")
    (message,) = facts.fold()
    assert (message.title, message.payload["severity"]) == ("[INFO] flights/late: retraining recommended", "info")
    assert "Still open:\n  performance (critical), since 2013-03-05" in message.body


def test_an_end_by_hand_is_called_what_it_is(facts: Facts) -> None:
    facts.drift("2013-03-05")
    facts.write("retrain_recommended", "retrain/1", "Retraining is recommended.")
    facts.fold()
    facts.write("retrain_dismissed", "retrain/1", "The flag was dismissed: known.", op="clears")
    (dismissed,) = facts.fold()
    assert dismissed.title == "[UPDATE] flights/late: retraining dismissed"
    facts.write("retrain_rolled_back", "champion/2", "Version 2 is the champion again.", op="clears")
    (rolled_back,) = facts.fold()
    assert rolled_back.title == "[INFO] flights/late: champion rolled back"
    assert "The champion has changed. Version 2 is the champion again." in rolled_back.body


def test_pages_for_people_come_before_data_and_only_where_they_can_be_reached(facts: Facts) -> None:
    facts.settings = with_values(facts.settings, mlflow_ui=False)
    targets = links.of_version("flights", "late", "2") | links.of_run("r1")
    facts.drift("2013-03-05", links=targets)
    (beside,) = facts.fold()
    incident = f"/incidents/{beside.incident_id}"
    versions = "/projects/flights/models/late/versions"
    assert [line.strip() for line in beside.body.partition("See:\n")[2].splitlines()][:4] == [
        f"Incident: http://127.0.0.1:8000{incident}",
        f"Versions: http://127.0.0.1:8000{versions}",
        "Run in Dagster: http://127.0.0.1:3000/runs/r1",
        "",
    ]
    assert beside.payload["page"] == f"http://127.0.0.1:8000{incident}"
    facts.settings = with_values(facts.settings, public_url="https://guard", mlflow_public_url="https://mlflow/")
    facts.drift("2013-03-06", model="other", links=targets)
    (elsewhere,) = facts.fold()
    assert f"See:\n  Incident: https://guard/incidents/{elsewhere.incident_id}\n" in elsewhere.body
    assert "  Version 2 in MLflow: https://mlflow/#/models/flights~late/versions/2\n\nData" in elsewhere.body
    assert "  Version: https://guard/api/v1/projects/flights/models/late/versions/2\n" in elsewhere.body
    assert "Dagster" not in elsewhere.body
    assert elsewhere.payload["changes"][0]["details"]["links"]["Version 2 in MLflow"].startswith("https://mlflow/#/")


def test_a_training_that_was_given_up_makes_its_alert_an_error(facts: Facts) -> None:
    facts.write("retrain_recommended", "retrain/1", "Retraining is recommended.")
    facts.fold()
    facts.write("retrain_failed", "retrain/1", "Retraining was given up.")
    (message,) = facts.fold()
    assert message.title == "[UPDATE] flights/late: retraining failed"
    assert [alert.severity for alert in facts.alerts()] == ["error"]


def test_facts_of_one_model_wait_for_each_other_for_some_seconds(facts: Facts) -> None:
    facts.drift("2013-03-05")
    assert fold(facts.database, facts.settings, gather_s=60) == 0
    assert fold(facts.database, facts.settings, gather_s=0) == 1


def test_many_that_fold_at_once_tell_everything_once(facts: Facts) -> None:
    for n in range(20):
        facts.drift("2013-03-05", model=f"m{n}")
    with ThreadPoolExecutor(4) as threads:
        folded = list(threads.map(lambda _: fold(facts.database, facts.settings, gather_s=0), range(8)))
    assert sum(folded) == 20
    assert len(facts.messages()) == len(facts.alerts()) == 20


def test_a_fact_with_the_same_key_is_written_once(facts: Facts) -> None:
    for _ in range(3):
        facts.write("pipeline_failure", "pipeline/daily", dedup_key="run-1", model=None)
    facts.fold()
    assert len(facts.alerts()) == 1
    assert len(Outbox(facts.database).of_incident(facts.alerts()[0].incident_id)) == 1


def test_without_routes_alerts_are_kept_and_no_message_is_written(database: Database) -> None:
    facts = Facts(database, routes=())
    facts.drift("2013-03-05")
    assert facts.fold() == []
    (alert,) = facts.alerts()
    assert (alert.state, alert.model_id, alert.told_us) == ("open", MODEL, None)
