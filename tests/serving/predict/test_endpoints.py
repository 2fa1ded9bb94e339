"""`POST /predict`: what it answers, what it records, whom it turns away, and how it follows the registry."""

import asyncio
import hashlib
import json
import time
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import func, select, text

from guard_core.days import now_us
from guard_store.day_state.tables import day_states
from guard_store.ingest.rows import StoreEvents
from guard_store.ingest.tables import events
from guard_store.ledger.store import LedgerFilter
from guard_store.projects.store import ProjectStore
from guard_store.retraining.registry import CHAMPION, Registry
from serving.app import Services
from serving.predict.pool import ModelPool
from tests.serving.predict.registered import FEATURES, MODEL_ID, register
from tests.support.clients import Clients
from tests.support.model_days import Model
from tests.support.result_gauges import read_samples
from tests.support.settings import with_values

PREDICT = "/predict"


async def stored(services: Services, n: int) -> list[dict[str, Any]]:
    """The first n events, once they are stored."""
    for _ in range(200):
        with services.database.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(select(events).order_by(events.c.event_id))]
        if len(rows) >= n:
            return rows
        await asyncio.sleep(0.02)
    raise AssertionError(f"{len(rows)} of {n} events are stored")


async def drained(services: Services) -> None:
    """Wait until the journal has heard that its rows are stored."""
    for _ in range(200):
        if not services.predict.recorder.waiting_bytes:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the journal is not empty after 4 seconds")


_EXAMPLE = 'one row as {"features": {"age": 31}}, or many as {"instances": [{"features": {"age": 31}}]}'


@pytest.fixture
def champion(services: Services, project: str) -> str:
    """Version of a champion that is in service."""
    version = register(services.settings, project)
    services.predict.pool.poll()
    return version


async def test_one_row_is_answered_as_the_specification_says_and_becomes_an_event(
    analyst: httpx.AsyncClient, services: Services, project: str, champion: str
) -> None:
    before = now_us()
    answer = await analyst.post(PREDICT, json={"features": FEATURES}, headers={"X-Request-ID": "why"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert set(told) == {"prediction", "probability", "model_version", "request_id", "event_id"}
    assert told["prediction"] in (0, 1)
    assert 0 <= told["probability"] <= 1
    assert (told["model_version"], told["request_id"]) == (champion, "why")
    (event,) = await stored(services, 1)
    assert (event["project_id"], event["model_id"], event["model_version"]) == (project, MODEL_ID, champion)
    assert (event["event_id"], event["request_id"]) == (told["event_id"], "why")
    assert event["y_pred"] == str(told["prediction"])
    assert event["y_proba"] == told["probability"]
    assert json.loads(event["features"]) == FEATURES
    assert before <= event["ts_us"] <= now_us()
    assert 0 < event["latency_ms"] < 10_000
    await drained(services)


async def test_the_metrics_of_a_prediction_are_its_request_its_rows_and_their_latency(
    analyst: httpx.AsyncClient, services: Services, champion: str
) -> None:
    before = await read_samples(analyst)
    started = time.monotonic()
    answer = await analyst.post(PREDICT, json={"instances": [{"features": FEATURES}] * 3})
    duration_s = time.monotonic() - started
    assert answer.status_code == 200, answer.text
    await stored(services, 3)
    await drained(services)
    after = await read_samples(analyst)

    def growth(name: str, **labels: str) -> float:
        key = frozenset(labels.items())
        return after[name][key] - before[name].get(key, 0)

    request = {"route": PREDICT, "method": "POST", "status": "200"}
    assert growth("ml_guard_http_requests_total", **request) == 1
    assert growth("ml_guard_http_request_duration_seconds_count", route=PREDICT) == 1
    assert growth("ml_guard_predict_seconds_count") == 1
    assert [growth("ml_guard_predictions_total", outcome=outcome) for outcome in ("answered", "stored")] == [3, 3]
    request_s = growth("ml_guard_http_request_duration_seconds_sum", route=PREDICT)
    assert 0 < growth("ml_guard_predict_seconds_sum") <= request_s <= duration_s


async def test_many_rows_carry_their_own_ids_times_and_segments(
    analyst: httpx.AsyncClient, services: Services, project: str, champion: str
) -> None:
    rows = [
        {"features": FEATURES, "event_id": "a", "timestamp": "2024-05-01T12:00:00Z", "segment": "north"},
        {"features": {**FEATURES, "x": None}, "event_id": "b", "timestamp": "2024-05-01T12:00:00-05:00"},
    ]
    answer = await analyst.post(PREDICT, json={"instances": rows, "project_id": project, "model": MODEL_ID})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [one["event_id"] for one in told["predictions"]] == ["a", "b"]
    assert told["model_version"] == champion
    a, b = await stored(services, 2)
    assert (a["segment"], b["segment"]) == ("north", None)
    assert b["ts_us"] - a["ts_us"] == 5 * 3_600_000_000


async def test_many_rows_answer_the_same_as_each_alone(
    analyst: httpx.AsyncClient, champion: str, services: Services
) -> None:
    rows = [{"features": {**FEATURES, "x": i / 10}} for i in range(100)]
    together = (await analyst.post(PREDICT, json={"instances": rows})).json()["predictions"]
    alone = [(await analyst.post(PREDICT, json=row)).json() for row in rows[:5]]
    for one, other in zip(alone, together, strict=False):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-6)


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"features": {"z": 1, "plan": "pro", "member": True}}, "features.x", "is missing"),
        ({"features": {**FEATURES, "colour": 1}}, "features.colour", "is not a feature"),
        ({"features": {**FEATURES, "x": "much"}}, "features.x", "must be a number"),
        ({"instances": [{"features": FEATURES}, {"features": {}}]}, "instances[1].features.x", "is missing"),
        ({"features": {**FEATURES, "x": 3.5e38}}, "features.x", "from -3.4028235e+38 to 3.4028235e+38"),
        ({"features": {**FEATURES, "z": 10**39}}, "features.z", "from -3.4028235e+38 to 3.4028235e+38"),
        (
            {"instances": [{"features": FEATURES}, {"features": {**FEATURES, "x": -(10**39)}}]},
            "instances[1].features.x",
            "from -3.4028235e+38 to 3.4028235e+38",
        ),
        ({"features": FEATURES, "instances": []}, "features", "and not both"),
        ({}, "features", "and not both"),
        ({"instances": []}, "instances", "must hold 1 to"),
        ({"features": FEATURES, "timestamp": "2024-05-01T12:00:00"}, "timestamp", "needs an offset"),
        ({"features": FEATURES, "timestamp": "2200-05-01T12:00:00Z"}, "timestamp", "in the future"),
        (
            {"features": FEATURES, "timestamp": "2012-05-01T12:00:00Z"},
            "timestamp",
            "before 2013-01-01, the first accepted",
        ),
        ({"features": FEATURES, "event_id": ""}, "event_id", "1 to 128"),
        ({"features": FEATURES, "event_id": "a\0b"}, "event_id", "NUL"),
        ({"features": {**FEATURES, "plan": "a\0b"}}, "features.plan", "NUL"),
        ({"instances": [{"features": FEATURES, "segment": "\0"}]}, "instances[0].segment", "NUL"),
        ({"features": {**FEATURES, "plan": "p" * 1025}}, "features.plan", "at most 1024 characters"),
        ({"features": FEATURES, "model": "late@"}, "model", "id@alias"),
        ({"features": 3}, "features", "Expected `object"),
        ({"features": FEATURES, "colour": 3}, "colour", "is no field of a request"),
        ({"featurs": FEATURES}, "featurs", "Did you mean 'features'?"),
        ({"data": [[1, 2]]}, "data", _EXAMPLE),
        ({"inputs": [{"x": 1}], "model": "late"}, "inputs", _EXAMPLE),
        ({"dataframe_split": {"columns": ["x"], "data": [[1]]}}, "dataframe_split", _EXAMPLE),
        ({"dataframe_records": [{"x": 1}]}, "dataframe_records", _EXAMPLE),
        ([{"x": 1}], "body", _EXAMPLE),
        ({}, "features", _EXAMPLE),
        ({"instances": [[1, 2]]}, "instances[0]", _EXAMPLE),
        ({"instances": [{"x": 1}]}, "instances[0].x", _EXAMPLE),
        ({"instances": [{"event_id": "a"}]}, "instances[0].features", _EXAMPLE),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_recorded(
    analyst: httpx.AsyncClient, services: Services, champion: str, body: dict[str, Any], field: str, reason: str
) -> None:
    answer = await analyst.post(PREDICT, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    errors = {error["field"]: error["reason"] for error in answer.json()["errors"]}
    assert reason in errors[field]
    assert services.predict.recorder.waiting_bytes == 0


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('"x": ', '"x": 0, "x": ', "instances[1].features.x"),
        ('"event_id": "b"', '"event_id": "a", "event_id": "b"', "instances[1].event_id"),
        ('"project_id": ', '"project_id": "other", "project_id": ', "project_id"),
    ],
)
async def test_a_name_twice_is_refused_by_its_path(
    analyst: httpx.AsyncClient, champion: str, old: str, new: str, field: str
) -> None:
    plain = {"features": {"plan": "pro", "member": True, "z": 1}}
    first, second = {**plain, "event_id": "a"}, {"features": FEATURES, "event_id": "b"}
    body = json.dumps({"instances": [first, second], "project_id": "flights"}).replace(old, new)
    answer = await analyst.post(PREDICT, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": field, "reason": "comes twice in one object: send each name once"}]


@pytest.mark.parametrize("body", [b'{"features": {"plan": "\xff"}}', b'{"features": ' + b"[" * 100_000, b"", b"[]"])
async def test_what_is_no_request_at_all_is_malformed(
    analyst: httpx.AsyncClient, services: Services, champion: str, body: bytes
) -> None:
    assert (await analyst.post(PREDICT, content=body)).status_code == 422
    assert services.predict.recorder.waiting_bytes == 0


async def test_a_prediction_is_on_the_ledger_once_however_often_its_journal_is_stored(
    analyst: httpx.AsyncClient, services: Services, champion: str
) -> None:
    recorder = services.predict.recorder
    requests = []
    for name in ("first", "second"):
        answer = await analyst.post(
            PREDICT, json={"features": FEATURES, "event_id": "same"}, headers={"X-Request-ID": name}
        )
        assert answer.status_code == 200, answer.text
        requests += recorder._open_journal.take(2**20).requests
        await drained(services)
    with services.database.read() as connection:
        before = connection.scalar(select(func.sum(day_states.c.duplicates)))
    await recorder._store(requests, is_replay=True)
    with services.database.read() as connection:
        assert connection.scalar(select(func.sum(day_states.c.duplicates))) == before == 1, (
            "of the caller's, not of the replay"
        )
    rows = services.audit.store.page(LedgerFilter(route=PREDICT), None, 10)
    found = [msgspec.structs.asdict(row) for row in rows]
    assert [row["request_id"] for row in found] == ["second", "first"]
    assert found[0]["response_hash"] == hashlib.sha256(answer.content).hexdigest()
    assert found[0]["model"].endswith("/1")
    assert services.audit.store.verify().ok


async def test_who_may_not_send_events_may_not_ask_for_predictions(
    anonymous: httpx.AsyncClient, clients: Clients, services: Services, champion: str
) -> None:
    services.projects.create("other", "Other")
    body = {"features": FEATURES}
    assert (await anonymous.post(PREDICT, json=body)).status_code == 401
    assert (await clients.of("guest").post(PREDICT, json=body)).status_code == 403
    stranger = await clients.of("analyst", "other").post(
        PREDICT, json={**body, "project_id": "flights", "model": "late"}
    )
    assert stranger.status_code == 403
    nameless = await clients.of("analyst", "other").post(PREDICT, json={**body, "project_id": "flights"})
    assert nameless.status_code == 403, "nor learn which models there are"


async def test_a_model_is_named_by_alias_or_version_and_must_be_named_where_there_are_several(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    one = register(services.settings, project, level=1)
    two = register(services.settings, project, level=2, champion=False)
    Registry(services.settings.storage.mlflow).set_alias(project, MODEL_ID, "challenger", two)
    services.predict.pool.poll()
    by_name = {}
    for model in ("late", "late@champion", "late@challenger", f"late/{one}", f"late/{two}"):
        answer = await analyst.post(PREDICT, json={"features": FEATURES, "model": model, "project_id": project})
        by_name[model] = (answer.json()["model_version"], round(answer.json()["prediction"], -3))
    assert by_name == {
        "late": (one, 1000),
        "late@champion": (one, 1000),
        "late@challenger": (two, 2000),
        f"late/{one}": (one, 1000),
        f"late/{two}": (two, 2000),
    }
    nothing = await analyst.post(PREDICT, json={"features": FEATURES, "model": "late/99", "project_id": project})
    assert nothing.status_code == 404
    assert "no version 99" in nothing.json()["detail"]
    register(services.settings, project, model_id="early", level=1)
    services.predict.pool.poll()
    unclear = await analyst.post(PREDICT, json={"features": FEATURES})
    assert unclear.status_code == 422
    assert "several models: early, late" in unclear.json()["detail"]


@pytest.mark.parametrize("model", ["lat", "lat/1", "lat@challenger"])
@pytest.mark.parametrize("is_project_named", [False, True])
async def test_an_unknown_model_is_answered_with_the_models_that_there_are(
    analyst: httpx.AsyncClient, services: Services, project: str, model: str, is_project_named: bool
) -> None:
    register(services.settings, project, model_id="late", level=1)
    services.predict.pool.poll()
    named = {"project_id": project} if is_project_named else {}
    answer = await analyst.post(PREDICT, json={"features": FEATURES, "model": model, **named})
    assert answer.status_code == 404
    assert "no model 'lat' is registered; these are: late. Did you mean 'late'?" in answer.json()["detail"]


async def test_before_the_first_training_the_answer_has_the_route_that_trains(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    answer = await analyst.post(PREDICT, json={"features": FEATURES})
    assert answer.status_code == 404
    assert answer.json()["detail"] == (
        "No model is registered yet: send events to POST /api/v1/events/batch and labels to POST /api/v1/labels,"
        " which a training needs."
    )
    await Model(services, analyst, project).send(0)
    for named in ({}, {"model": "late"}, {"model": "late", "project_id": project}):
        answer = await analyst.post(PREDICT, json={"features": FEATURES, **named})
        assert answer.json()["detail"] == (
            f"No model is registered yet: POST /api/v1/projects/{project}/models/late/retrain trains one."
        )


async def test_an_explanation_names_each_feature_with_its_effect(analyst: httpx.AsyncClient, champion: str) -> None:
    answer = await analyst.post(PREDICT, json={"features": {**FEATURES, "x": 3.0}, "explain": True})
    explanation = answer.json()["explanation"]
    assert explanation["method"] == "shapley"
    total = explanation["base"] + sum(one["effect"] for one in explanation["features"])
    assert total == pytest.approx(answer.json()["probability"], abs=1e-6)
    assert {one["feature"] for one in explanation["features"]} == set(FEATURES)
    assert explanation["features"][0]["feature"] == "x"
    assert explanation["features"][0]["effect"] > 0.1


async def test_a_moved_champion_answers_after_the_next_look(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    one = register(services.settings, project, level=1)
    services.predict.pool.poll()
    two = register(services.settings, project, level=2)
    body = {"features": FEATURES}
    assert (await analyst.post(PREDICT, json=body)).json()["model_version"] == one
    services.predict.pool.poll()
    told = (await analyst.post(PREDICT, json=body)).json()
    assert (told["model_version"], round(told["prediction"], -3)) == (two, 2000)
    Registry(services.settings.storage.mlflow).set_alias(project, MODEL_ID, CHAMPION, one)
    services.predict.pool.poll()
    assert (await analyst.post(PREDICT, json=body)).json()["model_version"] == one


async def test_a_registry_that_is_down_keeps_the_last_good_model_and_says_so(
    analyst: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    services: Services,
    champion: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = services.predict.pool
    monkeypatch.setattr(pool, "_registry", Registry("http://127.0.0.1:9"))
    pool.poll()
    answer = await analyst.post(PREDICT, json={"features": FEATURES})
    assert answer.json()["model_version"] == champion
    ready = await anonymous.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"
    assert "MLflow could not" in ready.json()["degraded"]["registry"]
    assert "ml_guard_registry_up 0.0" in (await analyst.get("/metrics")).text
    monkeypatch.undo()
    pool.poll()
    assert (await anonymous.get("/readyz")).json()["status"] == "ok"


async def test_a_champion_that_cannot_be_read_leaves_the_one_before_in_service(
    analyst: httpx.AsyncClient, anonymous: httpx.AsyncClient, services: Services, project: str, champion: str
) -> None:
    broken = register(services.settings, project)
    client = Registry(services.settings.storage.mlflow)
    run_id = client.version(project, MODEL_ID, broken).run_id  # type: ignore[union-attr]
    found = list((services.settings.storage.home / "mlflow").rglob(f"{run_id}/artifacts/model/guard/model.onnx"))
    found[0].write_bytes(b"not a model")
    services.predict.pool.poll()
    answer = await analyst.post(PREDICT, json={"features": FEATURES})
    assert answer.json()["model_version"] == champion
    degraded = (await anonymous.get("/readyz")).json()["degraded"]
    assert "model.onnx cannot be read" in degraded["model flights~late"]
    named = await analyst.post(PREDICT, json={"features": FEATURES, "model": f"late/{broken}"})
    assert named.status_code == 503
    assert "model.onnx cannot be read" in named.json()["detail"]


async def test_a_registry_that_begins_anew_is_not_answered_for_by_the_files_of_the_old_one(
    services: Services, project: str, champion: str
) -> None:
    await asyncio.to_thread(services.predict.pool.get, (project, MODEL_ID), champion)
    moved = with_values(
        services.settings,
        mlflow_url=f"sqlite:///{services.settings.storage.home}/other.db",
        home=services.settings.storage.home,
    )
    assert register(moved, project, level=7) == champion, "version numbers begin anew"
    pool = ModelPool(moved)
    pool.poll()
    found = pool.champion((project, MODEL_ID))
    assert found is not None
    assert found.predictor.schema.task == "regression"


async def test_while_the_database_is_down_predictions_are_answered_and_stored_later(
    analyst: httpx.AsyncClient, services: Services, champion: str
) -> None:
    await analyst.post(PREDICT, json={"features": FEATURES, "event_id": "before"})
    await stored(services, 1)
    with services.database.write() as connection:
        connection.execute(text("ALTER TABLE events RENAME TO events_away"))
    try:
        for number in range(3):
            answer = await analyst.post(PREDICT, json={"features": FEATURES, "event_id": f"down-{number}"})
            assert answer.status_code == 200
        await asyncio.sleep(0.1)
        assert services.predict.recorder.waiting_bytes > 0
    finally:
        with services.database.write() as connection:
            connection.execute(text("ALTER TABLE events_away RENAME TO events"))
    assert [row["event_id"] for row in await stored(services, 4)] == ["before", "down-0", "down-1", "down-2"]


async def test_predictions_that_keep_coming_are_stored_together(
    analyst: httpx.AsyncClient, services: Services, champion: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, submitted = services.events.writer.submit, []

    def counted(work: Any) -> Any:
        submitted.extend([work] if isinstance(work, StoreEvents) else [])
        return submit(work)

    monkeypatch.setattr(services.events.writer, "submit", counted)
    started = time.monotonic()
    n = 0
    while time.monotonic() < started + 2.5:
        assert (await analyst.post(PREDICT, json={"features": FEATURES})).status_code == 200
        n += 1
    await drained(services)
    assert sum(len(work.rows) for work in submitted) == n
    assert len(submitted) <= time.monotonic() - started + 1, "one a second"


async def test_what_cannot_be_recorded_is_not_answered(
    analyst: httpx.AsyncClient, services: Services, champion: str
) -> None:
    journal = services.predict.recorder._open_journal
    journal._max_bytes = 10
    answer = await analyst.post(PREDICT, json={"features": FEATURES})
    assert answer.status_code == 503
    assert "could not be recorded" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "5"
    journal._max_bytes = 10_000
    assert (await analyst.post(PREDICT, json={"features": FEATURES})).status_code == 200


async def test_a_prediction_sent_again_is_answered_again_and_counted_once(
    analyst: httpx.AsyncClient, services: Services, project: str, champion: str
) -> None:
    body = {"features": FEATURES, "event_id": "same", "timestamp": "2024-05-01T12:00:00Z"}
    first = (await analyst.post(PREDICT, json=body)).json()
    await stored(services, 1)
    assert (await analyst.post(PREDICT, json=body)).json()["prediction"] == first["prediction"]
    for _ in range(100):
        (day,) = services.day_states.list(project, MODEL_ID, "2024-05-01", "2024-05-01")
        if day.duplicates:
            break
        await asyncio.sleep(0.02)
    assert (day.events, day.duplicates) == (1, 1)


async def test_a_challenger_in_the_shadow_is_compared_and_never_answers(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    from guard_store.retraining.shadow import ShadowStore

    one = register(services.settings, project, level=1)
    two = register(services.settings, project, level=2, champion=False)
    Registry(services.settings.storage.mlflow).set_alias(project, MODEL_ID, "challenger", two)
    services.projects.update(project, settings={"predict": {"shadow": True}})
    services.predict.pool.poll()
    for _ in range(3):
        told = (await analyst.post(PREDICT, json={"features": FEATURES})).json()
        assert told["model_version"] == one
    for _ in range(200):
        tallies = ShadowStore(services.database).of_model(project, MODEL_ID, 10)
        if tallies and tallies[0].rows == 3:
            break
        await asyncio.sleep(0.05)
    (tally,) = tallies
    assert (tally.champion, tally.challenger, tally.rows, tally.differing, tally.failed) == (one, two, 3, 3, 0)
    assert tally.difference / tally.rows == pytest.approx(1000, rel=0.01)


async def test_a_shadow_with_other_spellings_and_another_positive_label_answers_the_same(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    from guard_store.retraining.shadow import ShadowStore

    register(services.settings, project)
    two = register(services.settings, project, champion=False, labels=("no", "Yes"), positive="No")
    Registry(services.settings.storage.mlflow).set_alias(project, MODEL_ID, "challenger", two)
    services.projects.update(project, settings={"predict": {"shadow": True}})
    services.predict.pool.poll()
    assert (await analyst.post(PREDICT, json={"features": FEATURES})).status_code == 200
    for _ in range(200):
        if tallies := ShadowStore(services.database).of_model(project, MODEL_ID, 10):
            break
        await asyncio.sleep(0.05)
    (tally,) = tallies
    assert (tally.rows, tally.differing, tally.failed) == (1, 0, 0)
    assert tally.difference == pytest.approx(0, abs=0.001)


async def test_a_row_without_a_finite_output_is_refused_by_its_place(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    register(services.settings, project, level=1)
    services.predict.pool.poll()
    rows = [{"features": FEATURES}, {"features": {**FEATURES, "x": 3.4e38}}]
    answer = await analyst.post(PREDICT, json={"instances": rows})
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["field"] == "instances[1].features"
    assert "the model's output is not a finite number" in error["reason"]
    assert services.predict.recorder.waiting_bytes == 0


async def test_a_row_without_a_finite_output_of_the_challenger_counts_as_failed(
    services: Services, project: str
) -> None:
    from guard_store.retraining.shadow import ShadowStore

    one = register(services.settings, project, level=1)
    two = register(services.settings, project, level=2, champion=False)
    Registry(services.settings.storage.mlflow).set_alias(project, MODEL_ID, "challenger", two)
    services.projects.update(project, settings={"predict": {"shadow": True}})
    services.predict.pool.poll()
    rows = [FEATURES, {**FEATURES, "x": 3.4e38, "z": 3.4e38}, {**FEATURES, "x": 10**39}]
    services.predict.shadow.offer(services.predict.pool.get((project, MODEL_ID), one), rows, [1000.0] * 3, None)
    for _ in range(200):
        if tallies := ShadowStore(services.database).of_model(project, MODEL_ID, 10):
            break
        await asyncio.sleep(0.05)
    (tally,) = tallies
    assert (tally.rows, tally.failed) == (3, 2)
    assert tally.difference == pytest.approx(1000, rel=0.01)


async def test_a_project_without_a_model_is_not_answered_by_the_model_of_another(
    analyst: httpx.AsyncClient, services: Services, project: str
) -> None:
    register(services.settings, project, level=1)
    services.predict.pool.poll()
    ProjectStore(services.database).create("new", "New", "UTC")
    nowhere = await analyst.post(PREDICT, json={"features": FEATURES})
    assert nowhere.status_code == 422
    assert "project_id: is needed, because there are several projects: flights, new" in nowhere.json()["detail"]
    assert (await analyst.post(PREDICT, json={"features": FEATURES, "project_id": "new"})).status_code == 404
