"""The page of a project's settings: thresholds are changed and previewed."""

from serving.app import Services
from tests.support.clients import Clients
from tests.support.pages import send_form, sign_in

PAGE = "/settings/projects/flights"


async def test_thresholds_are_changed_and_an_empty_field_has_its_default_again(
    clients: Clients, services: Services, project: str
) -> None:
    client = await sign_in(clients, "admin", project)
    fields = {"psi.warning": "0.12", "psi.drift": "0.3", "jensen_shannon.warning": "", "jensen_shannon.drift": ""}
    answer = await send_form(client, PAGE, f"{PAGE}/thresholds", **fields)
    assert answer.headers["location"] == f"{PAGE}#thresholds"
    stored = services.projects.get(project)
    assert stored is not None
    assert stored.settings == {"drift": {"thresholds": {"psi": {"warning": 0.12, "drift": 0.3}}}}
    await send_form(client, PAGE, f"{PAGE}/thresholds", **dict.fromkeys(fields, ""))
    stored = services.projects.get(project)
    assert stored is not None
    assert stored.settings == {"drift": {"thresholds": {}}}


async def test_a_wrong_threshold_is_named_and_changes_nothing(
    clients: Clients, services: Services, project: str
) -> None:
    client = await sign_in(clients, "admin")
    for fields, words in (
        ({"psi.warning": "0.3", "psi.drift": "0.2"}, "warning (0.3) is above drift (0.2)"),
        ({"psi.drift": "much"}, "must be a number"),
    ):
        answer = await send_form(client, PAGE, f"{PAGE}/thresholds", **fields)
        assert answer.status_code == 422
        assert words in answer.text
        assert "drift.thresholds.psi" in answer.text
    stored = services.projects.get(project)
    assert stored is not None
    assert stored.settings == {}


async def test_name_and_time_zone_are_changed(clients: Clients, services: Services, project: str) -> None:
    client = await sign_in(clients, "admin")
    answer = await send_form(client, PAGE, PAGE, name="Delays", timezone="UTC")
    assert answer.status_code == 303
    stored = services.projects.get(project)
    assert stored is not None
    assert (stored.name, stored.timezone) == ("Delays", "UTC")
    assert "<h1>Delays: days of UTC, 9 alert policies in force</h1>" in (await client.get(PAGE)).text


async def test_analysts_read_and_do_not_change(clients: Clients, project: str) -> None:
    analyst = await sign_in(clients, "analyst")
    page = await analyst.get(PAGE)
    assert page.status_code == 200
    assert "Save thresholds" not in page.text
    assert (await send_form(analyst, PAGE, f"{PAGE}/thresholds")).status_code == 403


async def test_a_key_of_another_project_is_refused(clients: Clients, services: Services, project: str) -> None:
    services.projects.create("shop", "Shop", "UTC")
    assert (await (await sign_in(clients, "admin", "shop")).get(PAGE)).status_code == 403
