"""What a sender is told: accepted, duplicate, rejected, not allowed, no such project, not now; always adding up."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from guard_core.settings import Settings
from guard_store.db.database import Database
from guard_store.ingest.tables import events
from serving.app import Services
from serving.ingest.events.schemas import Event
from tests.support.clients import Clients
from tests.support.event_requests import MANY, ONE, event, make_events, send_lines, send_raw, serving
from tests.support.event_rows import read_day_states, read_rejections, stored_ids
from tests.support.settings import with_values


@pytest.mark.usefixtures("project")
async def test_one_event_is_created_once_and_then_a_duplicate(analyst: httpx.AsyncClient, database: Database) -> None:
    first = await analyst.post(ONE, json=event(event_id="a"), headers={"X-Request-ID": "req-1"})
    again = await analyst.post(ONE, json=event(event_id="a"))
    assert (first.status_code, first.json()) == (201, {"event_id": "a", "status": "accepted"})
    assert (again.status_code, again.json()) == (200, {"event_id": "a", "status": "duplicate"})
    with database.read() as connection:
        assert connection.execute(select(events.c.request_id)).scalar_one() == "req-1"
    found = read_day_states(database)["flights", "delay_v1", "2013-01-02"]
    assert (found["events"], found["late"], found["duplicates"], found["request_id"]) == (1, 1, 1, "req-1")


@pytest.mark.usefixtures("project")
async def test_ids_made_here_are_returned_and_make_a_resend_a_duplicate(
    analyst: httpx.AsyncClient, database: Database
) -> None:
    one = (await analyst.post(ONE, json=event())).json()["event_id"]
    rows = [event(), event(latency_ms=-1), event(event_id="mine"), event()]
    ids = (await analyst.post(MANY, json=rows)).json()["event_ids"]
    assert (ids[1], ids[2]) == (None, "mine")
    assert stored_ids(database) == sorted([one, ids[0], "mine", ids[3]])
    again = await analyst.post(MANY, json=[{**event(), "event_id": made} for made in (one, ids[0], ids[3])])
    assert again.json() == {"accepted": 0, "duplicates": 3, "rejected": 0, "errors": []}


@pytest.mark.usefixtures("project")
async def test_what_is_sent_is_accepted_duplicate_or_rejected(analyst: httpx.AsyncClient, database: Database) -> None:
    sent = accepted = duplicates = refused = 0
    for n in range(6):
        rows: list[Any] = [*make_events(10 * n + 3), event(latency_ms=-1), event(event_id="e1"), "not an event"]
        answer = (await send_lines(analyst, rows)).json()
        assert len(rows) == answer["accepted"] + answer["duplicates"] + answer["rejected"]
        sent, accepted = sent + len(rows), accepted + answer["accepted"]
        duplicates, refused = duplicates + answer["duplicates"], refused + answer["rejected"]
    found = read_day_states(database)["flights", "delay_v1", "2013-01-02"]
    assert (found["events"], found["duplicates"]) == (accepted, duplicates) == (len(stored_ids(database)), duplicates)
    assert sent == accepted + duplicates + refused
    assert refused == 12
    assert sum(read_rejections(database).values()) == 6, "a row whose project cannot be read is of no project"


@pytest.mark.usefixtures("project")
async def test_an_atomic_batch_with_a_bad_row_stores_nothing(analyst: httpx.AsyncClient, database: Database) -> None:
    bad = event(timestamp="2013-01-02T00:00:00")
    answer = await analyst.post(MANY, params={"atomic": "true"}, json=[*make_events(3), bad])
    assert answer.status_code == 422
    assert [(e["index"], e["field"]) for e in answer.json()["errors"]] == [(3, "timestamp")]
    assert "1 of 4 rows" in answer.json()["detail"]
    assert (stored_ids(database), read_day_states(database)) == ([], {})
    assert {key[3]: n for key, n in read_rejections(database).items()} == {"timestamp": 1, "batch": 3}
    answer = await analyst.post(MANY, params={"atomic": "true"}, json=make_events(3))
    assert answer.json() == {"accepted": 3, "duplicates": 0, "rejected": 0, "errors": []}


@pytest.mark.usefixtures("project")
async def test_parameters_that_do_not_exist_are_named(analyst: httpx.AsyncClient) -> None:
    for query, words in (("atomic=yes", "true or false"), ("atomc=true", "'atomc'"), ("atomic=", "true or false")):
        answer = await analyst.post(f"{MANY}?{query}", json=make_events(1))
        assert (answer.status_code, words in answer.json()["detail"]) == (422, True), answer.text


@pytest.mark.usefixtures("project")
async def test_an_empty_batch_is_no_error(analyst: httpx.AsyncClient) -> None:
    assert (await analyst.post(MANY, json=[])).json() == {"accepted": 0, "duplicates": 0, "rejected": 0, "errors": []}


async def test_unknown_projects_are_404_and_the_answer_says_how_to_make_one(
    analyst: httpx.AsyncClient, services: Services, database: Database
) -> None:
    for path, body in ((ONE, event(project_id="nowhere")), (MANY, [event(project_id="nowhere")])):
        answer = await analyst.post(path, json=body)
        assert answer.status_code == 404
        assert answer.json()["detail"] == "There is no project 'nowhere': make it with POST /api/v1/projects."
    services.projects.create("flights", "Flights", "UTC")
    answer = await analyst.post(MANY, json=[event(), event(project_id="nowhere")])
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, 1)
    assert answer.json()["errors"][0]["field"] == "project_id"
    assert "POST /api/v1/projects" in answer.json()["errors"][0]["reason"]
    assert read_rejections(database) == {}
    services.projects.create("nowhere", "Made now", "UTC")
    assert (await analyst.post(ONE, json=event(project_id="nowhere"))).status_code == 201


async def test_a_key_sends_only_to_its_project_and_only_as_analyst_or_admin(
    clients: Clients, services: Services, anonymous: httpx.AsyncClient, database: Database
) -> None:
    for project_id in ("flights", "other"):
        services.projects.create(project_id, project_id, "UTC")
    mixed = [event(), event(project_id="other")]
    assert (await clients.of("admin").post(MANY, json=mixed)).json()["accepted"] == 2
    assert (await clients.of("analyst", "flights").post(ONE, json=event())).status_code == 201
    before = stored_ids(database)
    for client, body, status in (
        (anonymous, mixed, 401),
        (clients.of("guest"), mixed, 403),
        (clients.of("analyst", "other"), mixed, 403),
        (clients.of("analyst", "other"), [{**event(), "latency_ms": -1}], 403),
        (clients.of("analyst", "other"), [event(project_id="not even there")], 403),
        (clients.with_key("made up"), mixed, 401),
    ):
        assert (await client.post(MANY, json=body)).status_code == status
        assert (await client.post(ONE, json=body[0])).status_code == status
    assert (stored_ids(database), read_rejections(database)) == (before, {})


@pytest.mark.usefixtures("_logging_as_before")
async def test_a_full_queue_answers_503_with_retry_after_and_stores_nothing_of_it(settings: Settings) -> None:
    async with serving(with_values(settings, ingest_queue_rows=50)) as (services, client):
        assert (await client.post(ONE, json=event(event_id="first"))).status_code == 201
        with services.database.write() as connection:  # what the writer waits for
            connection.execute(text("UPDATE projects SET name = name"))
            waiting = [asyncio.create_task(client.post(MANY, json=_rows(15, n))) for n in range(3)]
            await _until(lambda: services.events.queue_depth == 45)
            batch = await client.post(MANY, json=_rows(6, 3))
            waiting.append(asyncio.create_task(client.post(MANY, json=_rows(5, 4))))
            await _until(lambda: services.events.queue_depth == 50)
            single = await client.post(ONE, json=event(event_id="too much"))
        for answer in (batch, single):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert "send it again" in answer.json()["detail"]
        assert [(await task).json()["accepted"] for task in waiting] == [15, 15, 15, 5]
        assert len(stored_ids(services.database)) == 51
        assert (await client.post(ONE, json=event(event_id="too much"))).status_code == 201


def _rows(n: int, batch: int) -> list[dict[str, Any]]:
    return [event(event_id=f"b{batch}-{i}") for i in range(n)]


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - the queue tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("project")
async def test_a_database_that_fails_is_503_and_the_same_request_works_afterwards(
    analyst: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    assert (await analyst.post(ONE, json=event(event_id="a"))).status_code == 201
    _rename(database, "day_news", "elsewhere")
    answers = [await analyst.post(ONE, json=event(event_id="b")), await analyst.post(MANY, json=make_events(2))]
    _rename(database, "elsewhere", "day_news")
    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in answers] == [(503, "1")] * 2
    assert settings.storage.database not in answers[0].text
    assert stored_ids(database) == ["a"]
    assert (await analyst.post(ONE, json=event(event_id="b"))).status_code == 201


@pytest.mark.usefixtures("project")
async def test_outcomes_are_counted_for_prometheus(analyst: httpx.AsyncClient, anonymous: httpx.AsyncClient) -> None:
    async def counts() -> dict[str, float]:
        lines = (await anonymous.get("/metrics")).text.splitlines()
        return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("ml_guard_event")}

    before = await counts()
    await analyst.post(MANY, json=[*make_events(3), event(event_id="e0"), event(latency_ms=-1)])
    await analyst.post(MANY, params={"atomic": "true"}, json=[*make_events(3), 7])
    commits = "ml_guard_event_commits_total"
    for _ in range(100):  # the writer counts a transaction after it has resumed its callers
        if (await counts())[commits] > before.get(commits, 0):
            break
        await asyncio.sleep(0.02)
    gained = {name: value - before.get(name, 0) for name, value in (await counts()).items()}
    outcomes = {n: gained[f'ml_guard_events_total{{outcome="{n}"}}'] for n in ("accepted", "duplicate", "rejected")}
    assert outcomes == {"accepted": 3, "duplicate": 1, "rejected": 5}
    assert gained["ml_guard_event_commits_total"] == 1, "those of the ledger alone are none"
    assert gained["ml_guard_event_queue_rows"] == 0


@pytest.mark.usefixtures("project")
async def test_the_openapi_document_describes_what_the_routes_take(admin: httpx.AsyncClient) -> None:
    described = (await admin.get("/api/v1/openapi.json")).json()
    paths = described["paths"]
    reference = paths[ONE]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    one = described["components"]["schemas"][reference.removeprefix("#/components/schemas/")]
    assert set(one["properties"]) == set(Event.__annotations__)
    for name in one["required"]:
        answer = await admin.post(ONE, json=event(**{name: ...}))
        assert answer.json()["errors"][0]["field"] == name
    for name in set(one["properties"]) - set(one["required"]):
        assert (await admin.post(ONE, json=event(**{name: ...}))).status_code == 201
    kinds = paths[MANY]["post"]["requestBody"]["content"]
    for kind in kinds:
        assert (await send_raw(admin, b"", Content_Type=kind)).status_code != 415


def _rename(database: Database, old: str, new: str) -> None:
    with database.write() as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
