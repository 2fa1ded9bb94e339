"""Signing in and out, one-time links, and the token of forms."""

import httpx
import pytest
from sqlalchemy import update

from guard_store.auth.sessions import SessionStore, SignedIn
from guard_store.auth.tables import page_sessions
from serving.pages.sessions.service import COOKIE
from tests.support.clients import Clients
from tests.support.pages import form_token_of, open_browser, sign_in


@pytest.fixture
def browser(clients: Clients) -> httpx.AsyncClient:
    client = open_browser(clients.app)
    clients.opened.append(client)
    return client


async def test_a_key_opens_a_session_whose_cookie_scripts_and_other_sites_cannot_use(
    clients: Clients, browser: httpx.AsyncClient
) -> None:
    _, secret = clients.services.keys.create("mine", "analyst")
    answer = await browser.post("/sign-in", data={"key": secret, "next": "/?days=7"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/?days=7")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert secret not in cookie
    assert (await browser.get("/")).status_code == 200


async def test_a_wrong_key_is_answered_with_the_form_and_the_reason(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/sign-in", data={"key": "mlg_wrong"})
    assert answer.status_code == 401
    assert "The key is unknown." in answer.text
    assert "mlg_wrong" not in answer.text
    assert COOKIE not in browser.cookies


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "evil"])
async def test_signing_in_never_leads_to_another_site(
    clients: Clients, browser: httpx.AsyncClient, target: str
) -> None:
    _, secret = clients.services.keys.create("mine", "analyst")
    answer = await browser.post("/sign-in", data={"key": secret, "next": target})
    assert answer.headers["location"] == "/"


async def test_a_page_without_a_session_leads_to_the_form_and_back(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/?days=7")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/%3Fdays%3D7")


async def test_a_session_is_no_key_of_the_api(clients: Clients) -> None:
    reader = await sign_in(clients, "admin")
    assert (await reader.get("/api/v1/overview")).status_code == 401


async def test_a_link_opens_one_session_once(clients: Clients, browser: httpx.AsyncClient) -> None:
    token = SessionStore(clients.services.database).make_link(SignedIn("operator:kim", "analyst", None))
    answer = await browser.get("/sign-in/link", params={"token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (await browser.get("/")).status_code == 200
    again = await open_browser(clients.app).get("/sign-in/link", params={"token": token})
    assert again.status_code == 401
    assert "ml-guard open" in again.text


async def test_a_link_is_no_session_and_a_session_is_no_link(clients: Clients, browser: httpx.AsyncClient) -> None:
    sessions = SessionStore(clients.services.database)
    caller = SignedIn("operator:kim", "analyst", None)
    browser.cookies.set(COOKIE, sessions.make_link(caller))
    assert (await browser.get("/")).status_code == 303
    session, attempt = sessions.open(caller), sessions.begin_attempt()
    for token in (session, attempt):
        assert (await browser.get("/sign-in/link", params={"token": token})).status_code == 401
    assert sessions.find(session) == caller  # and it is not ended by being tried as a link
    assert sessions.find(attempt) is None
    assert sessions.take_attempt(attempt)


async def test_a_session_ends_with_signing_out_with_its_key_and_with_time(clients: Clients) -> None:
    services = clients.services
    reader = await sign_in(clients, "analyst")
    token = form_token_of((await reader.get("/")).text)
    cookie = reader.cookies[COOKIE]
    assert (await reader.post("/sign-out", data={"csrf": token})).status_code == 303
    assert SessionStore(services.database).find(cookie) is None

    reader = await sign_in(clients, "analyst")
    signed_in = SessionStore(services.database).find(reader.cookies[COOKIE])
    assert signed_in is not None
    services.keys.revoke(signed_in.caller_id)
    assert SessionStore(services.database).find(reader.cookies[COOKIE]) is None

    reader = await sign_in(clients, "analyst")
    with services.database.write() as connection:
        connection.execute(update(page_sessions).values(expires_us=0))
    assert SessionStore(services.database).find(reader.cookies[COOKIE]) is None


async def test_a_form_without_the_token_of_its_session_is_refused(clients: Clients) -> None:
    reader, other = await sign_in(clients, "analyst"), await sign_in(clients, "analyst")
    foreign = form_token_of((await other.get("/")).text)
    for data in ({}, {"csrf": ""}, {"csrf": foreign}):
        assert (await reader.post("/sign-out", data=data)).status_code == 403
    own = form_token_of((await reader.get("/")).text)
    from_elsewhere = await reader.post("/sign-out", data={"csrf": own}, headers={"Sec-Fetch-Site": "cross-site"})
    assert from_elsewhere.status_code == 403
    assert (await reader.get("/")).status_code == 200


async def test_signing_in_is_on_the_ledger_with_the_person_and_without_a_secret(
    clients: Clients, browser: httpx.AsyncClient
) -> None:
    token = SessionStore(clients.services.database).make_link(SignedIn("operator:kim", "admin", None))
    await browser.get("/sign-in/link", params={"token": token})
    row = next(
        iter((await clients.of("admin").get("/api/v1/audit", params={"route": "/sign-in/link"})).json()["items"])
    )
    assert (row["key_id"], row["role"]) == ("operator:kim", "admin")
    assert '"sign_in"' in str(row["details"]).replace("'", '"')
    assert token not in str(row)


async def test_pages_allow_only_what_the_server_itself_serves(clients: Clients) -> None:
    answer = await (await sign_in(clients, "analyst")).get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers.get_list("content-security-policy") == [policy]
    assert " style=" not in answer.text
    assert "<script>" not in answer.text


async def test_errors_are_pages(clients: Clients) -> None:
    reader = await sign_in(clients, "guest")
    answer = await reader.get("/")
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "This needs a key of role analyst" in answer.text
    assert (await (await sign_in(clients, "analyst")).get("/?days=none")).status_code == 422
