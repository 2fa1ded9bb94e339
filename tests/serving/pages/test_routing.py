"""Errors of pages: a page for a browser, JSON for programs; the navigation of each role."""

from typing import NoReturn

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from guard_core.settings import Role
from serving.overview.service import OverviewService
from tests.support.api import check_problem
from tests.support.clients import Clients
from tests.support.pages import csrf_of, open_browser, sign_in

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def check_page(answer: httpx.Response, status: int, *parts: str) -> None:
    """Check that an answer is an error page with the request's id and these parts, under the headers of pages."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "style-src 'self'" in answer.headers["content-security-policy"]
    for part in ('<main id="content"', f"Request {answer.headers['x-request-id']}", *parts):
        assert part in answer.text


@pytest.mark.parametrize(
    ("error", "status", "part"),
    [
        (RuntimeError("password=hunter2"), 500, "search the log of the server for the request id"),
        (
            OperationalError("select hunter2", {}, Exception("hunter2")),
            503,
            "The database could not serve this request",
        ),
    ],
)
async def test_an_unexpected_error_of_a_page_is_a_page_without_its_details(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, part: str
) -> None:
    client = await sign_in(clients, "analyst")

    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(OverviewService, "read", fail)
    answer = await client.get("/")
    check_page(answer, status, part, 'aria-label="Pages"')
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    check_problem(await clients.of("analyst").get("/api/v1/overview"), status)


async def test_an_unknown_address_is_a_page_for_a_browser_and_json_for_programs(
    clients: Clients, anonymous: httpx.AsyncClient
) -> None:
    client = await sign_in(clients, "analyst")
    check_page(await client.get("/nowhere", headers=BROWSER), 404, "Check the address", 'href="/incidents"')
    check_page(await open_browser(clients.app).get("/nowhere", headers=BROWSER), 404)
    check_problem(await anonymous.get("/nowhere"), 404)
    check_problem(await anonymous.get("/api/v1/nowhere", headers=BROWSER), 404)
    assert (await anonymous.get("/v1/nowhere", headers=BROWSER)).json()["error"]["message"]


async def test_a_page_that_the_role_may_not_open_answers_what_to_do(clients: Clients) -> None:
    check_page(await (await sign_in(clients, "guest")).get("/"), 403, "Sign out, and in again with a key")


async def test_a_wrong_field_brings_the_form_again_with_the_reason_and_the_values(clients: Clients) -> None:
    client = await sign_in(clients, "admin")
    fields = {"csrf": csrf_of(client), "id": "shop", "name": "My shop", "timezone": "Mars/Base"}
    answer = await client.post("/settings/projects", data=fields)
    check_page(answer, 422, 'value="My shop"', 'name="timezone" value="Mars/Base" aria-invalid="true"', 'value="shop"')
    assert 'action="/settings/projects"' in answer.text
    fields["timezone"] = "Europe/Berlin"
    assert (await client.post("/settings/projects", data=fields)).status_code == 303


@pytest.mark.parametrize(
    ("role", "hidden"),
    [("admin", set()), ("analyst", {"Audit"}), ("guest", {"Overview", "Incidents", "Evidence", "Audit", "System"})],
)
async def test_the_navigation_has_only_pages_that_the_role_may_open(
    clients: Clients, role: Role, hidden: set[str]
) -> None:
    page = (await (await sign_in(clients, role)).get("/ask")).text
    navigation = page.split('aria-label="Pages"')[1].split("</nav>")[0]
    names = ("Overview", "Incidents", "Ask", "Evidence", "Audit", "System")
    assert {name for name in names if f">{name}</a>" not in navigation} == hidden
