"""The page about the installation: its sentence, its links, and who sees it."""

import httpx

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_pipelines.definitions import defs
from guard_store.day_state.store import DayStateStore
from guard_store.day_state.ticks import UNPROCESSED_DAYS, TickStore
from serving.app import Services
from serving.pages.system import ASSET_OF_STAGE
from tests.support.clients import Clients
from tests.support.model_days import Model, day_of
from tests.support.pages import sign_in


async def test_a_new_installation_has_nothing_waiting(clients: Clients) -> None:
    page = await (await sign_in(clients, "analyst")).get("/system")
    assert page.status_code == 200
    assert "<h1>Everything is processed; nothing waits</h1>" in page.text
    assert "ml-guard up" in page.text  # the daemon has not run yet


async def test_waiting_and_failed_days_are_counted_and_linked(
    clients: Clients, services: Services, model: Model, settings: Settings
) -> None:
    for number in range(3):
        await model.send(number)
    TickStore(services.database).record(UNPROCESSED_DAYS, now_us())
    day_states = DayStateStore(services.database)
    day_states.fail(day_states.due(settings)[0], "ValueError: <no such column>")
    page = (await (await sign_in(clients, "analyst")).get("/system")).text
    assert "<h1>2 days wait, 1 failed: flights/late</h1>" in page
    assert "ValueError: &lt;no such column&gt;" in page
    assert f"/assets/raw_events?view=partitions&amp;partition={day_of(0)}" in page
    assert f'href="/projects/flights/models/late/days/{day_of(0)}"' in page


async def test_a_silent_daemon_comes_first(clients: Clients, services: Services) -> None:
    TickStore(services.database).record(UNPROCESSED_DAYS, now_us() - 725 * SECOND_US)
    page = (await (await sign_in(clients, "analyst")).get("/system")).text
    assert "<h1>The Dagster daemon has been silent for 12 minutes</h1>" in page


async def test_a_part_that_cannot_be_read_is_named(clients: Clients, services: Services) -> None:
    client = await sign_in(clients, "analyst")
    with services.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE sensor_ticks")
    page = await client.get("/system")
    assert page.status_code == 200
    assert "<h1>Sensors cannot be read</h1>" in page.text


async def test_only_analysts_see_the_page(clients: Clients, anonymous: httpx.AsyncClient) -> None:
    assert (await (await sign_in(clients, "guest")).get("/system")).status_code == 403
    answer = await anonymous.get("/system")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/system")


def test_every_stage_has_an_asset_in_dagster() -> None:
    assets = {key.to_user_string() for key in defs().resolve_asset_graph().get_all_asset_keys()}
    assert set(ASSET_OF_STAGE.values()) <= assets
