"""Messages go out: through receivers that fail, hang and lie, in order, nothing lost, each repetition known by its id."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from email.message import EmailMessage, Message
from io import BytesIO
from typing import Any

import pytest
from pydantic import SecretStr
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from guard_core.settings import Settings
from guard_store.alerts.outbox import Outbox
from guard_store.db.database import Database
from serving.alerts.delivery import DeliveryService
from tests.serving.alerts.receivers import (
    SECRET,
    Hooks,
    Mailbox,
    http_receiver,
    mail_server,
    route_to_hooks,
    route_to_mailbox,
)
from tests.support.alert_facts import Facts
from tests.support.settings import settings_of


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with http_receiver() as hooks:
        yield hooks


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


def settings_for(routes: dict[str, str], **more: int) -> Settings:
    secret = {name: SecretStr(url) for name, url in routes.items()}
    quick = {"alert_timeout_s": 1, "alert_retry_s": 1, "alert_attempts": 5}
    return settings_of(alert_routes=secret, **{**quick, **more})


def text_part(mail: Message, subtype: str) -> str:
    assert isinstance(mail, EmailMessage)
    part = mail.get_body((subtype,))
    assert part is not None
    return str(part.get_content())


@asynccontextmanager
async def sender(database: Database, settings: Settings) -> AsyncIterator[DeliveryService]:
    service = DeliveryService(settings, database)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def until(done: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.05)


def thread_of(database: Database, routes: dict[str, str], steps: int = 3) -> Facts:
    """An incident of some messages on each route, written and not sent."""
    facts = Facts(database, routes=tuple(routes))
    facts.drift("2013-03-01", value=0.1)
    facts.fold("2013-03-05T12:00:00Z")
    for n in range(steps - 2):
        facts.drift(f"2013-03-{n + 2:02d}", value=float(2 ** (n + 1)), message=f"Worse, {n}.")
        facts.fold(f"2013-03-{n + 6:02d}T12:00:00Z")
    facts.drift(f"2013-03-{steps:02d}", op="clears", message="It is in order.")
    facts.fold("2013-03-28T12:00:00Z")
    return facts


def states(facts: Facts) -> set[str]:
    return {message.state for message in facts.messages()}


@pytest.mark.parametrize("moods", [["refuse"], ["close", "refuse"], ["lie"], ["hang"], ["redirect"]])
async def test_whatever_the_receiver_does_all_messages_arrive_in_order(
    database: Database, hooks: Hooks, moods: list[str]
) -> None:
    routes = {"hook": route_to_hooks(hooks)}
    facts = thread_of(database, routes)
    hooks.moods = list(moods)
    async with sender(database, settings_for(routes)):
        await until(lambda: states(facts) == {"sent"})
    written = [message.id for message in facts.messages()]
    arrived = list(dict.fromkeys(hooks.taken))
    assert arrived == written
    # Twice only where the receiver took a message and did not say so.
    assert len(hooks.taken) - len(arrived) == moods.count("lie")
    assert len(hooks.requests) == len(written) + len(moods)


async def test_a_later_message_of_an_incident_waits_for_the_earlier_and_others_do_not(
    database: Database, hooks: Hooks
) -> None:
    routes = {"hook": route_to_hooks(hooks)}
    facts = thread_of(database, routes)
    facts.drift("2013-03-01", model="other")
    facts.fold("2013-03-29T12:00:00Z")
    hooks.moods = ["refuse"]
    async with sender(database, settings_for(routes)):
        await until(lambda: states(facts) == {"sent"})
    models = [request["body"]["model_id"] for request in hooks.requests]
    assert models == ["late", "other", "late", "late", "late"]
    assert [r["body"]["seq"] for r in hooks.requests if r["body"]["model_id"] == "late"] == [1, 1, 2, 3]


async def test_a_route_that_hangs_holds_up_nobody_else(database: Database, hooks: Hooks, mailbox: Mailbox) -> None:
    routes = {"hook": route_to_hooks(hooks), "mail": route_to_mailbox(mailbox)}
    facts = thread_of(database, routes)
    hooks.always = "hang"
    began = time.monotonic()
    async with sender(database, settings_for(routes, alert_attempts=50)):
        await until(lambda: len(mailbox.mails) == 3)
        assert time.monotonic() - began < 3
        hooks.always = "ok"
        await until(lambda: states(facts) == {"sent"})
    assert list(dict.fromkeys(hooks.taken)) == [m.id for m in facts.messages() if m.route == "hook"]


async def test_what_cannot_be_delivered_is_given_up_visibly_and_can_be_sent_again(
    database: Database, hooks: Hooks
) -> None:
    routes = {"hook": route_to_hooks(hooks)}
    facts = thread_of(database, routes, steps=2)
    hooks.always = "refuse"
    async with sender(database, settings_for(routes, alert_attempts=2)) as service:
        await until(lambda: states(facts) == {"dead"})
        service._update_gauges()
        assert "2 messages were given up" in service.problems()["alerts"]
        (first, second) = facts.messages()
        assert [one["error"] for one in first.newest_attempts] == ["the receiver answered 500"] * 2
        hooks.always = "ok"
        assert Outbox(database).resend(first.id)
        assert not Outbox(database).resend("nothing")
        await until(lambda: first.id in hooks.taken)
    assert second.id not in hooks.taken


async def test_a_message_for_a_route_that_is_gone_is_given_up_at_once(database: Database) -> None:
    facts = thread_of(database, {"gone": ""}, steps=2)
    async with sender(database, settings_for({})):
        await until(lambda: states(facts) == {"dead"})
    assert facts.messages()[0].newest_attempts[0]["error"] == "ML_GUARD_ALERT_ROUTES has no route of this name"


async def test_the_signature_is_of_the_timestamp_and_the_very_body(database: Database, hooks: Hooks) -> None:
    routes = {"hook": route_to_hooks(hooks)}
    facts = thread_of(database, routes, steps=2)
    async with sender(database, settings_for(routes)):
        await until(lambda: states(facts) == {"sent"})
    request = hooks.requests[0]
    headers = request["headers"]
    timestamp = headers["X-ML-Guard-Timestamp"]
    expected = hmac.new(SECRET.encode(), timestamp.encode() + b"." + request["raw"], hashlib.sha256).hexdigest()
    assert headers["X-ML-Guard-Signature"] == f"sha256={expected}"
    assert abs(time.time() - int(timestamp)) < 60
    body = request["body"]
    assert (body["id"], body["state"], body["severity"]) == (headers["X-ML-Guard-Delivery"], "open", "warning")
    assert body["changes"][0]["details"]["value"] == 0.1


@pytest.mark.parametrize("moods", [["refuse"], ["hang"], ["lie"]])
async def test_the_mails_of_an_incident_are_one_thread_whatever_the_server_does(
    database: Database, mailbox: Mailbox, moods: list[str]
) -> None:
    routes = {"mail": route_to_mailbox(mailbox)}
    facts = thread_of(database, routes)
    mailbox.moods = list(moods)
    patience_s = 1 if "hang" in moods else 10  # a mail that a busy machine is slow to accept is sent once more
    async with sender(database, settings_for(routes, alert_timeout_s=patience_s)):
        await until(lambda: states(facts) == {"sent"})
    mails = list({mail["Message-ID"]: mail for mail in mailbox.mails}.values())
    assert len(mails) == 3
    assert len(mailbox.mails) - len(mails) == moods.count("lie")
    subject = "[WARNING] flights/late: drift"
    assert [mail["Subject"] for mail in mails] == [subject, f"Re: {subject}", f"Re: {subject}"]
    assert len({mail["References"] for mail in mails}) == 1
    assert [mail["X-ML-Guard-Delivery"] for mail in mails] == [message.id for message in facts.messages()]
    assert mails[0]["To"] == "oncall@example.com, second@example.com"
    assert text_part(mails[-1], "plain").startswith("[RESOLVED] flights/late: drift ended")
    assert "<h1" in text_part(mails[-1], "html")


async def test_apprise_speaks_to_the_services_that_it_knows(database: Database, hooks: Hooks) -> None:
    from serving.alerts.routes import sender_of

    facts = thread_of(database, {"any": ""}, steps=2)
    route = sender_of(SecretStr(hooks.url.replace("http://", "json://")))
    await asyncio.to_thread(route.send, facts.messages()[0], 5)
    (request,) = hooks.requests
    assert request["body"]["title"] == "[WARNING] flights/late: drift"
    assert "New (warning, since 2013-03-01): Drift in temp." in request["body"]["message"]


async def test_slack_gets_the_message_at_the_address_of_its_webhook(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serving.alerts.routes import sender_of

    requests_sent: list[PreparedRequest] = []

    def answer(_: HTTPAdapter, request: PreparedRequest, **__: Any) -> Response:
        requests_sent.append(request)
        response = Response()
        response.status_code, response.request, response.raw = 200, request, BytesIO(b"ok")
        return response

    monkeypatch.setattr(HTTPAdapter, "send", answer)  # the connection to Slack; all before it is real
    facts = thread_of(database, {"any": ""}, steps=2)
    route = sender_of(SecretStr("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#oncall"))
    await asyncio.to_thread(route.send, facts.messages()[0], 5)
    (request,) = requests_sent
    assert request.url == "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    assert isinstance(request.body, str | bytes)
    payload = json.loads(request.body)
    assert payload["channel"] == "#oncall"
    (attachment,) = payload["attachments"]
    assert attachment["title"] == "[WARNING] flights/late: drift"
    assert "New (warning, since 2013-03-01): Drift in temp." in attachment["text"]


async def test_no_secret_of_a_route_is_in_a_log_line_or_an_error(
    database: Database, hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    routes = {"hook": route_to_hooks(hooks), "json": hooks.url.replace("http://", "json://user:very-hidden@")}
    facts = thread_of(database, routes, steps=2)
    hooks.always = "refuse"
    async with sender(database, settings_for(routes, alert_attempts=1)):
        await until(lambda: states(facts) == {"dead"})
    said = caplog.text + repr([message.newest_attempts for message in facts.messages()])
    assert "very-hidden" not in said
    assert SECRET.split(maxsplit=1)[0] + "%20" not in said
    assert "/hook" not in said
