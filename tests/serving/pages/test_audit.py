"""The page of the ledger filters, pages, verifies and exports as the JSON routes do."""

import csv
import re

from sqlalchemy import update

from guard_store.ledger.store import LedgerFilter
from guard_store.ledger.tables import ledger
from tests.support.clients import Clients
from tests.support.pages import form_token_of, open_browser, sign_in


async def test_rows_are_filtered_and_unfold_their_hashes(clients: Clients) -> None:
    browser = await sign_in(clients, "admin")
    await clients.of("analyst").get("/api/v1/budgets")
    page = (await browser.get("/audit", params={"route": "/api/v1/budgets", "project": "", "flagged": ""})).text
    (row,) = clients.services.audit.store.page(_route("/api/v1/budgets"), None, 10)
    assert row.hash in page
    assert row.prev_hash in page
    assert page.count('<details class="row">') == 1


async def test_older_rows_are_on_the_next_page(clients: Clients) -> None:
    browser = await sign_in(clients, "admin")
    for _ in range(51):
        await browser.get("/costs")
    page = (await browser.get("/audit", params={"route": "/costs"})).text
    assert page.count('<details class="row">') == 50
    older = re.search(r'href="([^"]+)">Older rows', page)
    assert older is not None
    rest = (await browser.get(older[1].replace("&amp;", "&"))).text
    assert rest.count('<details class="row">') == 1


async def test_the_chain_is_verified_by_a_form_with_its_token(clients: Clients) -> None:
    browser = await sign_in(clients, "admin")
    token = form_token_of((await browser.get("/audit")).text)
    assert (await browser.post("/audit/verify")).status_code == 403
    whole = await browser.post("/audit/verify", data={"csrf": token})
    assert re.search(r"The chain is whole: rows 1 to \d+", whole.text)
    with clients.services.database.write() as connection:
        connection.execute(update(ledger).where(ledger.c.seq == 2).values(status=299))
    broken = await browser.post("/audit/verify", data={"csrf": token})
    assert "The chain is broken at row 2" in broken.text


async def test_the_export_of_the_page_is_that_of_the_api(clients: Clients) -> None:
    browser = await sign_in(clients, "admin")
    await clients.of("analyst").get("/api/v1/budgets")
    filters = {"route": "/api/v1/budgets"}
    exported = await browser.get("/audit/export", params=filters)
    assert exported.headers["content-type"].startswith("text/csv")
    assert exported.text == (await clients.of("admin").get("/api/v1/audit/export", params=filters)).text
    assert len(list(csv.reader(exported.text.splitlines()))) == 2


async def test_the_ledger_is_for_admins_of_the_project(clients: Clients, project: str) -> None:
    assert (await open_browser(clients.app).get("/audit")).status_code == 303
    assert (await (await sign_in(clients, "analyst")).get("/audit")).status_code == 403
    own = await sign_in(clients, "admin", project)
    page = (await own.get("/audit")).text
    assert "Verify the chain" not in page
    assert (await own.get("/audit?project=other")).status_code == 403
    assert (await own.get("/audit/export?project=other")).status_code == 403
    assert (await own.post("/audit/verify", data={"csrf": form_token_of(page)})).status_code == 403


def _route(route: str) -> LedgerFilter:
    return LedgerFilter(route=route)
