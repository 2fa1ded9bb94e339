"""Retraining by API: what is read, what is forced, what is acknowledged, and that it goes on record."""

from datetime import UTC, datetime, timedelta

import httpx

from serving.app import Services
from tests.support.model_days import MODEL, Model, day_of

AS_OF = "2013-02-01T00:00:00-05:00"
BASE = f"/api/v1/projects/flights/models/{MODEL}"


async def test_a_forced_training_is_a_flag_with_its_reason_on_record(
    admin: httpx.AsyncClient, services: Services, model: Model
) -> None:
    await model.send_trainable()
    answer = await admin.post(
        f"{BASE}/retrain", json={"reason": "a new season", "as_of": AS_OF}, headers={"X-Request-ID": "why"}
    )
    assert answer.status_code == 201, answer.text
    flag = answer.json()
    assert (flag["state"], flag["forced"], flag["request_id"]) == ("open", True, "why")
    assert flag["reasons"] == [{"rule": "forced", "reason": "a new season"}]
    assert (await admin.get(f"{BASE}/flags")).json()["items"] == [flag]
    (decision,) = (await admin.get(f"{BASE}/decisions")).json()["items"]
    assert (decision["action"], decision["reason"], decision["role"]) == ("forced", "a new season", "admin")
    assert decision["details"] == {"flag_id": flag["id"]}
    again = await admin.post(f"{BASE}/retrain", json={"reason": "impatience", "as_of": AS_OF})
    assert again.status_code == 409
    assert flag["id"] in again.json()["detail"]


async def test_a_training_may_be_asked_for_as_of_an_earlier_instant_and_not_of_a_later(
    admin: httpx.AsyncClient, model: Model
) -> None:
    await model.send_trainable()
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for wrong in (later, "2013-01-31T00:00:00"):
        answer = await admin.post(f"{BASE}/retrain", json={"reason": "r", "as_of": wrong})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "as_of"
    right = await admin.post(f"{BASE}/retrain", json={"reason": "r", "as_of": AS_OF})
    assert right.json()["day"] == "2013-01-31"


async def test_a_training_without_enough_labelled_rows_is_refused_with_what_is_missing(
    admin: httpx.AsyncClient, services: Services, model: Model
) -> None:
    for number in range(2):
        await model.send(number, rows=200)
    await model.send_labels(0, rows=150)
    await model.send_labels(1, rows=200, observed_at="2013-02-10T00:00:00Z")
    body = {"reason": "r", "as_of": AS_OF}
    answer = await admin.post(f"{BASE}/retrain", json=body)
    assert answer.status_code == 409
    problem = answer.json()
    assert (
        "150 labelled rows on 1 of the 365 days up to 2013-01-31 are too few: training.min_rows requires 200"
        in problem["detail"]
    )
    assert "200 labels were observed later" in problem["detail"]
    assert "as_of" in problem["retry"]
    assert (await admin.get(f"{BASE}/flags")).json()["state"] == "no_flags"
    assert (await admin.get(f"{BASE}/decisions")).json()["items"] == []
    await admin.patch("/api/v1/projects/flights", json={"settings": {"training": {"min_rows": 100}}})
    assert (
        await admin.post(f"{BASE}/retrain", json={"reason": "now", "as_of": "2013-03-01T00:00:00Z"})
    ).status_code == 201


async def test_nobody_trains_a_model_without_events(admin: httpx.AsyncClient, project: str) -> None:
    answer = await admin.post(f"{BASE}/retrain", json={"reason": "r", "as_of": AS_OF})
    assert answer.status_code == 404
    assert "no events" in answer.json()["detail"]


async def test_a_flag_is_acknowledged_or_dismissed_with_a_reason(
    admin: httpx.AsyncClient, services: Services, model: Model
) -> None:
    await model.send_trainable()
    assert (await admin.post(f"{BASE}/retrain/acknowledge", json={"reason": "r"})).status_code == 404
    await admin.post(f"{BASE}/retrain", json={"reason": "r", "as_of": AS_OF})
    seen = (await admin.post(f"{BASE}/retrain/acknowledge", json={"reason": "I know"})).json()
    assert (seen["state"], seen["acknowledged_reason"]) == ("open", "I know")
    gone = (await admin.post(f"{BASE}/retrain/acknowledge", json={"reason": "no", "dismiss": True})).json()
    assert gone["state"] == "dismissed"
    actions = [one["action"] for one in (await admin.get(f"{BASE}/decisions")).json()["items"]]
    assert actions == ["dismissed", "acknowledged", "forced"]
    assert (await admin.post(f"{BASE}/retrain", json={"reason": "after all", "as_of": AS_OF})).status_code == 201


async def test_a_training_that_runs_cannot_be_dismissed(
    admin: httpx.AsyncClient, services: Services, model: Model
) -> None:
    await model.send_trainable()
    await admin.post(f"{BASE}/retrain", json={"reason": "r", "as_of": AS_OF})
    flag = services.retrain_flags.active("flights", MODEL)
    assert flag is not None
    services.retrain_flags.start(flag, "run-1")
    answer = await admin.post(f"{BASE}/retrain/acknowledge", json={"reason": "no", "dismiss": True})
    assert answer.status_code == 409


async def test_what_the_rule_has_said_is_read_by_day(
    analyst: httpx.AsyncClient, services: Services, model: Model
) -> None:
    await model.send(0)
    assert (await analyst.get(f"{BASE}/retrain")).json()["state"] == "not_processed"
    reasons = [{"rule": "age", "age_days": 100, "max_age_days": 90}]
    flag = services.evaluations.replace(
        "flights",
        MODEL,
        day_of(0),
        recommended=True,
        result={"recommended": True, "reasons": reasons, "against": []},
        as_of_us=1,
        run_id="run-1",
        request_id="why",
    )
    assert flag is not None
    (item,) = (await analyst.get(f"{BASE}/retrain")).json()["items"]
    assert (item["day"], item["recommended"], item["reasons"]) == (day_of(0), True, reasons)
    assert (item["flag_id"], item["run_id"]) == (flag.id, "run-1")


async def test_settings_of_retraining_are_checked_and_apply_the_rule_again(
    admin: httpx.AsyncClient, services: Services, model: Model
) -> None:
    await model.send(0)
    model.mark(0, lake_revision=1, profile_revision=1, drift_revision=1, performance_revision=1, retrain_revision=1)
    project = "/api/v1/projects/flights"
    for section, message in (
        ({"retrain": {"days": 9}}, "retrain.days: 9 of 3 days"),
        ({"training": {"folds": 0}}, "training.folds"),
        ({"promotion": {"min_gain": -1}}, "promotion.min_gain"),
        ({"predict": {"shadow": "yes"}}, "predict.shadow"),
        ({"models": {"m": {"retrain": {"colour": 1}}}}, "models.m.retrain.colour: unknown"),
        ({"colour": 1}, "settings.colour: unknown"),
    ):
        answer = await admin.patch(project, json={"settings": section})
        assert answer.status_code == 422
        assert message in answer.text
    assert (await admin.patch(project, json={"settings": {"retrain": {"max_age_days": 30}}})).status_code == 200
    (news,) = services.day_states.list("flights", MODEL, "", "~")
    assert (news.performance_revision, news.retrain_revision) == (1, 0)
