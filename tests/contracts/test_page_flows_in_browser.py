"""What people do on the pages, in a real browser: each flow ends on a page that shows the change, with the person on the ledger.

All flows share one server and one project whose model was trained twice; each leaves it usable for the others.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from dagster import DagsterInstance
from playwright.sync_api import BrowserContext, Page, expect

from guard_core.settings import load_settings
from guard_store.alerts.facts import key_of, write_fact
from guard_store.alerts.fold import fold
from guard_store.alerts.outbox import Outbox
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from tests.support.browser import open_window
from tests.support.pipeline_projects import MODEL, PROJECT, send_days, train_first
from tests.support.pipelines import Pipelines
from tests.support.sample_knowledge import store_sample
from tests.support.server import serving

MODEL_PATH = f"/projects/{PROJECT}/models/{MODEL}"
MODEL_ROUTE = "/projects/{project_id}/models/{model_id}"
pytestmark = pytest.mark.timeout(300)


class Webhook(BaseHTTPRequestHandler):
    """Counts the messages that it receives."""

    received = 0

    def do_POST(self) -> None:
        """Accept a message."""
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).received += 1
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Log nothing."""


@dataclass
class Person:
    """An admin with a key and a window, and what went wrong in it."""

    address: str
    key_id: str
    secret: str
    page: Page
    problems: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Open a page."""
        self.page.goto(self.address + path)
        return self.page

    def press(self, name: str, **fields: str) -> None:
        """Fill fields of the form that has a button of this name, by their names, and press the button."""
        form = self.page.locator("form", has=self.page.get_by_role("button", name=name, include_hidden=True)).first
        form.evaluate(
            "form => { for (let box = form; box; box = box.parentElement) if (box.open === false) box.open = true }"
        )
        for key, value in fields.items():
            control = form.locator(f'[name="{key}"]')
            if control.evaluate("control => control.tagName") == "SELECT":
                control.select_option(value)
            else:
                control.fill(value)
        form.get_by_role("button", name=name).click()

    def ledger(self, route: str) -> dict[str, object]:
        """Return the newest row of a route of the ledger; it is of this person."""
        query: dict[str, str | int] = {"route": route, "limit": 1}
        answer = httpx.get(f"{self.address}/api/v1/audit", params=query, headers={"X-API-Key": self.secret})
        (row,) = answer.json()["items"]
        assert row["key_id"] == self.key_id, row
        assert row["status"] < 400, row
        return dict(row)


def open_drift(database: Database) -> None:
    """Write the fact that the pipelines write about a day in drift."""
    subject = "policy/drift/drift"
    with database.write() as connection:
        write_fact(
            connection,
            PROJECT,
            MODEL,
            kind="drift",
            dedup_key=key_of(subject, "test"),
            severity="warning",
            message="Drift in x.",
            details={"policy": "drift"},
            request_id="request-1",
            op="fires",
            subject=subject,
            day="2013-01-18",
        )


@contextmanager
def trained_project(home: Path) -> Iterator[Database]:
    """A project with two versions of its model, an open incident, a dead message and a knowledge base."""
    settings = load_settings()
    home.mkdir()
    database = Database(settings.storage.database)
    migrate(database)
    with DagsterInstance.ephemeral() as instance:
        pipelines = Pipelines(database, settings, instance)
        train_first(pipelines)
        send_days(database, 11, 18, turned=True)
        pipelines.settle()
        (request,) = pipelines.tick_retrain()
        assert pipelines.retrain(request).success
    open_drift(database)
    fold(database, settings, gather_s=-1e9)
    outbox = Outbox(database)
    while (lease := outbox.claim("down", lease_s=10)) is not None:
        outbox.mark_failed(lease, "no answer", most_attempts=1, retry_s=1)
    store_sample(settings)
    yield database
    database.close()


@pytest.fixture(scope="module")
def hook() -> Iterator[str]:
    """A local web server that accepts messages."""
    server = HTTPServer(("127.0.0.1", 0), Webhook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, hook: str) -> Iterator[tuple[str, Database]]:
    """The address of a server of that project, and its database."""
    folder = tmp_path_factory.mktemp("flows")
    home = folder / "home"
    routes = f'{{"hook": "{hook}", "down": "json://127.0.0.1:9/"}}'
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ML_GUARD_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        patch.setenv("ML_GUARD_ALERT_ROUTES", routes)
        with trained_project(home) as database, serving(home, alert_routes=routes) as server:
            yield server.url, database


@pytest.fixture(scope="module")
def window() -> Iterator[BrowserContext]:
    """A browser window."""
    with open_window(1400, "light") as window:
        yield window


@pytest.fixture(scope="module")
def session(served: tuple[str, Database], window: BrowserContext) -> Person:
    """An admin who has signed in with a key."""
    address, database = served
    key, secret = KeyStore(database).create("operator", "admin", None)
    page = window.new_page()
    page.set_default_timeout(10_000)
    person = Person(address, key.id, secret, page)
    page.on("console", lambda message: person.problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: person.problems.append(str(error)))
    person.open("/")
    person.press("Sign in", key=secret)
    page.wait_for_url(f"{address}/")
    return person


@pytest.fixture
def person(session: Person) -> Iterator[Person]:
    """The signed-in admin; nothing may go wrong in the window."""
    session.problems.clear()
    yield session
    assert session.problems == []


def test_a_person_signs_in_by_key_and_signs_out(person: Person, window: BrowserContext) -> None:
    assert person.ledger("/sign-in")["details"] == {"sign_in": "key"}
    browser = window.browser
    assert browser is not None
    page = browser.new_context().new_page()
    other = Person(person.address, person.key_id, person.secret, page)
    other.open("/incidents")
    other.press("Sign in", key=person.secret)
    expect(page).to_have_url(re.compile("/incidents$"))
    other.press("Sign out")
    expect(page).to_have_url(re.compile("/sign-in$"))
    other.open("/incidents")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.context.close()


def test_an_incident_is_acknowledged_muted_and_unmuted(person: Person) -> None:
    page = person.open("/incidents")
    page.locator("article a[href^='/incidents/']").first.click()
    person.press("Acknowledge", reason="seen by me")
    expect(page.locator("main")).to_contain_text("seen by me")
    person.ledger("/alerts/{alert_id}/acknowledge")
    person.press("Mute", until="2130-01-01T08:00", reason="holidays")
    expect(page.locator("main")).to_contain_text("muted until 2130-01-01 08:00 UTC")
    person.ledger("/alerts/{alert_id}/mute")
    person.press("Unmute", reason="back again")
    expect(page.get_by_role("button", name="Mute").first).to_be_visible()
    person.ledger("/alerts/{alert_id}/unmute")


def test_a_dead_message_is_resent(person: Person) -> None:
    page = person.open("/system")
    page.locator("#messages a[href^='/incidents/']").first.click()
    dead = page.get_by_role("button", name="Resend")
    number = dead.count()
    assert number
    person.press("Resend")
    expect(dead).to_have_count(number - 1)
    person.ledger("/alert-deliveries/{message_id}/resend")


def test_a_training_is_forced_and_its_flag_acknowledged_and_dismissed(person: Person) -> None:
    page = person.open(MODEL_PATH)
    person.press("Retrain", reason="new season", as_of="2013-01-18")
    expect(page.locator("#flag")).to_contain_text(f"requested by key {person.key_id}")
    person.ledger(MODEL_ROUTE + "/retrain")
    person.press("Acknowledge the flag", reason="it is on my list")
    expect(page.locator("#flag")).to_contain_text(f"by {person.key_id}: it is on my list")
    person.ledger(MODEL_ROUTE + "/retrain/acknowledge")
    person.press("Dismiss the flag", reason="not needed")
    expect(page.locator("#flag")).to_have_count(0)


def test_dragging_over_the_verdicts_fills_the_days_of_a_baseline(person: Person) -> None:
    page = person.open(MODEL_PATH)
    cells = page.locator(
        "#drift svg.timeline a[href$='/days/2013-01-05'], #drift svg.timeline a[href$='/days/2013-01-09']"
    )
    first, last = cells.nth(0).bounding_box(), cells.nth(1).bounding_box()
    assert first is not None
    assert last is not None
    page.locator("#drift").scroll_into_view_if_needed()
    first, last = cells.nth(0).bounding_box(), cells.nth(1).bounding_box()
    assert first is not None
    assert last is not None
    page.mouse.move(first["x"] + first["width"] / 2, first["y"] + 5)
    page.mouse.down()
    page.mouse.move(last["x"] + last["width"] / 2, last["y"] + 5, steps=5)
    page.mouse.up()
    expect(page).to_have_url(person.address + MODEL_PATH)
    expect(page.get_by_label("First day of a stable period")).to_have_value("2013-01-05")
    expect(page.get_by_label("Last day", exact=True)).to_have_value("2013-01-09")
    person.press("Capture")
    expect(page.locator(".lead")).to_contain_text("5 Jan 2013 to 9 Jan 2013")
    person.ledger(MODEL_ROUTE + "/baselines")


def test_an_earlier_baseline_is_activated(person: Person) -> None:
    page = person.open(MODEL_PATH)
    person.press("Capture", start="2013-01-01", end="2013-01-04")
    lead = page.locator(".lead").inner_text()
    person.press("Activate baseline 1")
    expect(page.locator(".lead")).to_contain_text("baseline 1:")
    assert page.locator(".lead").inner_text() != lead
    person.ledger(MODEL_ROUTE + "/baselines/{version}/activate")


def test_a_version_is_promoted_rolled_back_and_rejected(person: Person) -> None:
    page = person.open(f"{MODEL_PATH}/versions")
    serving_version = re.search(r"v(\d) serves", page.get_by_role("heading", level=1).inner_text())
    assert serving_version is not None
    other = {"1": "2", "2": "1"}[serving_version[1]]
    person.open(f"{MODEL_PATH}/versions/{other}")
    person.press("Promote", reason="better in shadow")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"v{other} serves")
    expect(page.locator("main")).to_contain_text("better in shadow")
    person.ledger(MODEL_ROUTE + "/versions/{version}/promote")
    person.open(MODEL_PATH)
    person.press("Roll back", reason="complaints")
    expect(page.locator(".lead")).to_contain_text(f"Champion v{serving_version[1]}")
    person.ledger(MODEL_ROUTE + "/rollback")
    person.open(f"{MODEL_PATH}/versions/{other}")
    person.press("Reject", reason="too old")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"v{other} was rejected: too old")
    person.ledger(MODEL_ROUTE + "/versions/{version}/reject")


def test_a_key_is_created_shown_once_and_revoked(person: Person) -> None:
    page = person.open("/settings")
    keys = page.locator("#keys")
    keys.get_by_text("Create a key").click()
    page.get_by_label("What it is for").fill("of the robot")
    keys.get_by_role("button", name="Create").click()
    secret = page.locator("#created code").inner_text()
    assert secret.startswith("mlg_")
    person.ledger("/settings/keys")
    person.open("/settings")
    assert secret not in page.content()
    person.press("Revoke of the robot")
    expect(keys.locator("tr", has_text="of the robot")).to_contain_text("revoked")
    person.ledger("/settings/keys/{key_id}/revoke")


def test_a_test_message_is_sent_on_a_route(person: Person) -> None:
    page = person.open("/settings")
    before = Webhook.received
    person.press("Send test on hook")
    expect(page.locator("#trial")).to_contain_text("A test message was sent on hook.")
    assert Webhook.received > before
    person.ledger("/settings/routes/{name}/test")


def test_a_project_is_created_and_a_wrong_field_keeps_the_values(person: Person) -> None:
    page = person.open("/settings")
    page.get_by_text("Create a project").click()
    page.get_by_label("Id (generated if empty)").fill("shop")
    page.locator("#project-name").fill("The shop")
    page.get_by_label("Time zone of its days").fill("Mars/Base")
    page.locator("#projects").get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text("timezone")
    expect(page.locator("[name=name]")).to_have_value("The shop")
    person.problems.clear()  # the browser reports the status 422
    person.press("Send again", timezone="Europe/Berlin")
    expect(page.get_by_role("heading", level=1)).to_contain_text("The shop: days of Europe/Berlin")
    person.ledger("/settings/projects")


def test_thresholds_are_previewed_and_changed(person: Person) -> None:
    page = person.open(f"/settings/projects/{PROJECT}")
    person.press("Preview", threshold="0.01")
    expect(page.locator("#preview")).to_contain_text("With 0.01 for")
    limit = page.locator("#thresholds input[name$='.drift']").first
    name = limit.get_attribute("name")
    limit.fill("0.35")
    person.press("Save thresholds")
    expect(page.locator(f"[name='{name}']")).to_have_value("0.35")
    person.ledger("/settings/projects/{project_id}/thresholds")


def test_an_alert_policy_is_created_edited_disabled_and_removed(person: Person) -> None:
    page = person.open(f"/settings/projects/{PROJECT}")
    page.get_by_role("link", name="New policy").click()
    page.get_by_label("Name").fill("slow")
    page.get_by_label("latency").check()
    page.get_by_label("all, or only:").uncheck()
    page.get_by_label("hook").check()
    person.press("Save the policy", threshold="250", severity="error")
    row = page.locator("#policies tr", has_text="slow")
    expect(row).to_contain_text("above 250")
    expect(row).to_contain_text("hook")
    person.ledger("/settings/projects/{project_id}/policies")
    row.get_by_role("link", name="slow").click()
    person.press("Save the policy", threshold="300")
    expect(row).to_contain_text("above 300")
    row.get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("switched off")
    person.ledger("/settings/projects/{project_id}/policies/{name}/switch")
    row.get_by_role("button", name="Enable").click()
    expect(row).not_to_contain_text("switched off")
    row.get_by_role("link", name="slow").click()
    person.press("Remove the policy")
    expect(row).to_have_count(0)
    person.ledger("/settings/projects/{project_id}/policies/{name}/remove")


def test_a_budget_is_set_and_removed(person: Person) -> None:
    page = person.open("/costs")
    person.press("Save the budget", scope_id=PROJECT, soft="40", hard="50")
    row = page.locator("#budgets tr", has_text=f"project {PROJECT}")
    expect(row).to_contain_text("$50.00")
    person.ledger("/costs/budgets")
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    person.ledger("/costs/budgets/{budget_id}/remove")


def test_the_ledger_is_verified_and_exported(person: Person) -> None:
    page = person.open("/audit")
    person.press("Verify the chain")
    expect(page.get_by_role("heading", level=1)).to_contain_text("The chain is whole")
    person.ledger("/audit/verify")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export these rows as CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert person.key_id in "".join(lines)
    person.ledger("/audit/export")


def test_a_question_and_a_research_have_citations_that_unfold(person: Person) -> None:
    page = person.open("/ask")
    person.press("Ask", question="What is the right to erasure in the GDPR?")
    quote = page.locator("details.row blockquote").first
    expect(quote).to_be_visible()
    page.locator("details.row > summary").first.click()
    expect(quote).to_be_hidden()
    page.locator("details.row > summary").first.click()
    expect(quote).to_be_visible()
    person.ledger("/ask")
    person.open("/ask")
    person.press("Research", topic="retention of personal data")
    expect(page.get_by_role("heading", level=2, name="Findings")).to_be_visible()
    page.locator("details.row > summary").first.click()
    person.ledger("/ask/research")
