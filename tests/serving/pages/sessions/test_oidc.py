"""Signing in at the issuer: what opens a session, whatever else is refused, and what of it is on the ledger."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from guard_core.days import now_us
from guard_core.settings import Settings, SettingsError, load_settings
from guard_core.units import SECOND_US
from guard_store.auth.sessions import SessionStore
from guard_store.auth.tables import page_sessions
from serving.pages.sessions.oidc_endpoints import ATTEMPT_COOKIE
from serving.pages.sessions.service import COOKIE
from tests.support.clients import Clients
from tests.support.oidc_issuer import AUDIENCE, CLIENT_ID, CLIENT_SECRET, Issuer, running
from tests.support.pages import csrf_of, open_browser, sign_in
from tests.support.settings import with_values

START, CALLBACK = "/sign-in/oidc", "/sign-in/oidc/callback"
ANALYST: dict[str, Any] = {"roles": ["data-team"], "email": "kim@example.com"}


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer where an analyst signs in."""
    issuer = Issuer(person=dict(ANALYST))
    issuer.add("k1")
    async with running(issuer):
        yield issuer


@pytest.fixture
def settings(settings: Settings, issuer: Issuer) -> Settings:
    """Settings that trust it, and a client there."""
    return with_values(
        settings,
        public_url="http://guard",
        oidc_issuer=issuer.url,
        oidc_audience=AUDIENCE,
        oidc_roles={"guard-admins": "admin", "data-team": "analyst", "readers": "guest"},
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=SecretStr(CLIENT_SECRET),
    )


@pytest.fixture
def browser(clients: Clients) -> httpx.AsyncClient:
    client = open_browser(clients.app)
    clients.opened.append(client)
    return client


async def begin(browser: httpx.AsyncClient, target: str = "/") -> str:
    """Begin a sign-in, and return the address of the callback that the issuer answers with."""
    answer = await browser.get(START, params={"next": target})
    assert answer.status_code == 303, answer.text
    async with httpx.AsyncClient() as at_issuer:
        return (await at_issuer.get(answer.headers["location"])).headers["location"]


async def complete(browser: httpx.AsyncClient, target: str = "/") -> httpx.Response:
    return await browser.get(await begin(browser, target))


async def last_row(clients: Clients) -> dict[str, Any]:
    answer = await clients.of("admin").get("/api/v1/audit", params={"route": CALLBACK})
    row: dict[str, Any] = answer.json()["items"][0]
    return row


async def test_a_person_signs_in_at_the_issuer_and_sees_the_page_asked_for(
    clients: Clients, browser: httpx.AsyncClient, issuer: Issuer
) -> None:
    shown = await browser.get("/sign-in", params={"next": "/?days=7"})
    assert f"Sign in with {urlsplit(issuer.url).netloc}" in shown.text
    assert 'href="http://guard/sign-in/oidc?next=/%3Fdays%3D7"' in shown.text
    answer = await complete(browser, "/?days=7")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?days=7")
    assert (await browser.get("/")).status_code == 200
    assert ATTEMPT_COOKIE not in browser.cookies
    row = await last_row(clients)
    assert (row["key_id"], row["role"], row["status"]) == ("oidc:user-1", "analyst", 303)
    assert {"sign_in": "oidc", "email": "kim@example.com"}.items() <= row["details"].items()


async def test_nothing_that_opens_a_session_is_in_the_address_the_ledger_or_the_log(
    clients: Clients, browser: httpx.AsyncClient, issuer: Issuer, capsys: pytest.CaptureFixture[str]
) -> None:
    start = await browser.get(START)
    query = {name: values[0] for name, values in parse_qs(urlsplit(start.headers["location"]).query).items()}
    secret = browser.cookies[ATTEMPT_COOKIE].partition(".")[0]
    cookie = start.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/sign-in/oidc", "Max-Age=600"))
    assert secret not in start.headers["location"]
    assert query["scope"] == "openid email"
    await complete(browser)
    form = issuer.redeemed[0]
    logged = [line for line in capsys.readouterr().err.splitlines() if '"logger":"serving.' in line]
    record = str(await last_row(clients)) + "".join(logged)
    for value in (form["code"], form["code_verifier"], CLIENT_SECRET, browser.cookies[COOKIE]):
        assert value not in record
    assert form["code_verifier"] not in start.headers["location"]


@pytest.mark.parametrize(("methods", "is_in_form"), [(None, False), (["client_secret_post"], True)])
async def test_the_client_proves_itself_as_the_issuer_supports_it(
    browser: httpx.AsyncClient, issuer: Issuer, methods: list[str] | None, is_in_form: bool
) -> None:
    issuer.auth_methods = methods
    assert (await complete(browser)).status_code == 303
    assert ("client_secret" in issuer.redeemed[0]) is is_in_form


async def test_an_answer_with_a_wrong_state_is_refused_and_leaves_the_attempt_valid(
    clients: Clients, browser: httpx.AsyncClient, issuer: Issuer
) -> None:
    callback = await begin(browser)
    code = parse_qs(urlsplit(callback).query)["code"][0]
    for state in ("", "é", "0" * 64):
        answer = await browser.get(CALLBACK, params={"code": code, "state": state})
        assert answer.status_code == 401
        assert "another sign-in" in answer.text
    assert issuer.redeemed == []
    assert (await last_row(clients))["details"]["refusal"].startswith("The answer")
    assert (await browser.get(callback)).status_code == 303


async def test_an_answer_in_another_browser_is_refused(clients: Clients, browser: httpx.AsyncClient) -> None:
    callback = await begin(browser)
    other = open_browser(clients.app)
    clients.opened.append(other)
    assert (await other.get(callback)).status_code == 401
    await begin(other)
    assert (await other.get(callback)).status_code == 401
    assert COOKIE not in other.cookies


async def test_an_answer_opens_one_session_once(clients: Clients, browser: httpx.AsyncClient, issuer: Issuer) -> None:
    callback = await begin(browser)
    attempt = browser.cookies[ATTEMPT_COOKIE]
    assert (await browser.get(callback)).status_code == 303
    copy = open_browser(clients.app)
    clients.opened.append(copy)
    copy.cookies.set(ATTEMPT_COOKIE, attempt)
    answer = await copy.get(callback)
    assert answer.status_code == 401
    assert "completed already" in answer.text
    assert len(issuer.redeemed) == 1


async def test_a_used_code_is_refused_in_a_new_attempt(browser: httpx.AsyncClient, issuer: Issuer) -> None:
    used = parse_qs(urlsplit(await begin(browser)).query)["code"][0]
    issuer.codes.clear()
    state = parse_qs(urlsplit(await begin(browser)).query)["state"][0]
    answer = await browser.get(CALLBACK, params={"code": used, "state": state})
    assert answer.status_code == 401
    assert "used or is too old" in answer.text


async def test_an_old_attempt_is_refused(clients: Clients, browser: httpx.AsyncClient) -> None:
    callback = await begin(browser)
    with clients.services.database.write() as connection:
        connection.execute(update(page_sessions).values(expires_us=0))
    assert (await browser.get(callback)).status_code == 401


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "of-another"}, "nonce is wrong"),
        ({"nonce": None}, "nonce is wrong"),
        ({"aud": AUDIENCE}, "for another audience"),
        ({"aud": [CLIENT_ID, "x"], "azp": "x"}, "for another client"),
        ({"exp": 1_000_000_000}, "has expired"),
        ({"iss": "https://evil.example"}, "of another issuer"),
    ],
)
async def test_an_id_token_of_another_sign_in_client_or_time_is_refused(
    clients: Clients, browser: httpx.AsyncClient, issuer: Issuer, claims: dict[str, Any], reason: str
) -> None:
    issuer.person |= claims
    answer = await complete(browser)
    assert answer.status_code == 401
    assert reason in answer.text
    assert COOKIE not in browser.cookies
    row = await last_row(clients)
    assert row["status"] == 401
    assert reason in row["details"]["refusal"]


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        ("access_denied", 403, "denied access"),
        ("temporarily_unavailable", 502, "cannot sign anyone in now"),
        ("invalid_scope", 502, "invalid_scope"),
        ("<script>", 502, "unknown error"),
    ],
)
async def test_an_error_of_the_issuer_is_shown_in_plain_words(
    clients: Clients, browser: httpx.AsyncClient, issuer: Issuer, error: str, status: int, words: str
) -> None:
    issuer.error = error
    answer = await complete(browser)
    assert answer.status_code == status
    assert words in answer.text
    assert "internal" not in answer.text
    assert "Sign in with" in answer.text
    assert (await last_row(clients))["status"] == status


async def test_an_issuer_that_is_down_is_502_before_and_after_the_redirect(
    clients: Clients, browser: httpx.AsyncClient, issuer: Issuer
) -> None:
    issuer.down = True
    answer = await browser.get(START)
    assert answer.status_code == 502
    assert "sign in with an API key" in answer.text
    issuer.down = False
    callback = await begin(browser)
    issuer.down = True
    assert (await browser.get(callback)).status_code == 502
    assert (await last_row(clients))["status"] == 502


async def test_keys_that_cannot_be_fetched_are_a_refusal_on_the_ledger(
    clients: Clients, browser: httpx.AsyncClient, issuer: Issuer
) -> None:
    issuer.keys_are_down = True
    assert (await complete(browser)).status_code == 502
    assert "publish its keys" in (await last_row(clients))["details"]["refusal"]


async def test_a_wrong_client_secret_is_named_by_its_setting(browser: httpx.AsyncClient, issuer: Issuer) -> None:
    issuer.auth_methods = ["client_secret_basic", "none"]
    callback = await begin(browser)
    issuer.auth_methods = ["client_secret_post"]  # the issuer has changed its mind since its metadata were read
    answer = await browser.get(callback)
    assert answer.status_code == 502
    assert "ML_GUARD_OIDC_CLIENT_SECRET" in answer.text


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "evil"])
async def test_signing_in_at_the_issuer_never_leads_to_another_site(browser: httpx.AsyncClient, target: str) -> None:
    assert (await complete(browser, target)).headers["location"] == "/"
    callback = await begin(browser)
    secret = browser.cookies[ATTEMPT_COOKIE].partition(".")[0]
    browser.cookies.clear()
    browser.cookies.set(ATTEMPT_COOKIE, f"{secret}.{target}")
    assert (await browser.get(callback)).headers["location"] == "/"


async def test_a_long_address_is_forgotten_rather_than_the_attempt(browser: httpx.AsyncClient) -> None:
    assert (await complete(browser, "/?q=" + "é" * 1_000)).headers["location"] == "/"


@pytest.mark.parametrize("roles", [None, [], ["others"]])
async def test_a_person_without_a_role_is_refused_with_the_claim_and_is_on_the_ledger(
    clients: Clients, browser: httpx.AsyncClient, issuer: Issuer, roles: Any
) -> None:
    issuer.person["roles"] = roles
    answer = await complete(browser)
    assert answer.status_code == 403
    assert "claim &#39;roles&#39;" in answer.text
    assert COOKIE not in browser.cookies
    row = await last_row(clients)
    assert (row["key_id"], row["role"], row["status"]) == ("oidc:user-1", "guest", 403)
    assert row["details"]["email"] == "kim@example.com"


async def test_an_unverified_email_is_not_on_the_ledger(
    clients: Clients, browser: httpx.AsyncClient, issuer: Issuer
) -> None:
    issuer.person["email_verified"] = False
    assert (await complete(browser)).status_code == 303
    assert "email" not in (await last_row(clients))["details"]


async def test_a_session_of_the_issuer_lasts_as_long_as_the_setting_allows(
    clients: Clients, browser: httpx.AsyncClient
) -> None:
    answer = await complete(browser)
    assert f"{COOKIE}={browser.cookies[COOKIE]}; HttpOnly; Max-Age=3600" in answer.headers["set-cookie"]
    with clients.services.database.read() as connection:
        row = connection.execute(select(page_sessions).where(page_sessions.c.caller_id == "oidc:user-1")).one()
    assert row.expires_us - row.created_us == 3600 * SECOND_US
    assert row.created_us <= now_us()


async def test_signing_out_ends_the_session_and_offers_to_end_that_of_the_issuer(
    clients: Clients, browser: httpx.AsyncClient, issuer: Issuer
) -> None:
    await complete(browser)
    cookie = browser.cookies[COOKIE]
    answer = await browser.post("/sign-out", data={"csrf": csrf_of(browser)})
    assert answer.headers["location"] == "/sign-in?signed_out=true"
    assert SessionStore(clients.services.database).find(cookie) is None
    shown = await browser.get(answer.headers["location"])
    assert f'href="{issuer.url}/logout?client_id={CLIENT_ID}"' in shown.text
    by_key = await sign_in(clients, "analyst")
    answer = await by_key.post("/sign-out", data={"csrf": csrf_of(by_key)})
    assert answer.headers["location"] == "/sign-in"


class TestPublicClient:
    """A client without a secret."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return with_values(settings, oidc_client_secret=None)

    async def test_a_public_client_needs_no_secret(self, browser: httpx.AsyncClient, issuer: Issuer) -> None:
        issuer.auth_methods = ["none"]
        assert (await complete(browser)).status_code == 303
        assert issuer.redeemed[0]["client_id"] == CLIENT_ID
        assert issuer.redeemed[0]["Authorization"] == ""


class TestProjectClaim:
    """An issuer whose tokens name a project."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return with_values(settings, oidc_project_claim="guard_project")

    async def test_the_session_is_of_the_project_that_the_token_names(
        self, clients: Clients, browser: httpx.AsyncClient, issuer: Issuer
    ) -> None:
        assert (await complete(browser)).status_code == 403
        issuer.person["guard_project"] = "flights"
        assert (await complete(browser)).status_code == 303
        session = SessionStore(clients.services.database).find(browser.cookies[COOKIE])
        assert session is not None
        assert (session.role, session.project_id) == ("analyst", "flights")


class TestWithoutClient:
    """An issuer of bearer tokens only."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return with_values(settings, oidc_client_id=None, oidc_client_secret=None)

    async def test_there_is_no_button_and_no_route(self, browser: httpx.AsyncClient) -> None:
        assert "Sign in with" not in (await browser.get("/sign-in")).text
        for path in (START, CALLBACK):
            answer = await browser.get(path)
            assert answer.status_code == 404
            assert "ML_GUARD_OIDC_CLIENT_ID" in answer.text


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"CLIENT_ID": "x"}, "CLIENT_ID: .*needs ML_GUARD_OIDC_ISSUER"),
        ({"CLIENT_SECRET": "x"}, "CLIENT_SECRET: .*needs ML_GUARD_OIDC_CLIENT_ID"),
        ({"SCOPES": '["email"]'}, "SCOPES: .*must contain openid"),
    ],
)
def test_settings_that_cannot_work_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], reason: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"ML_GUARD_OIDC_{name}", value)
    with pytest.raises(SettingsError, match=reason):
        load_settings()
