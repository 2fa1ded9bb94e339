"""The mail with a monthly report: its sentence, its link and its file; sent once, and never listed as an incident."""

from collections.abc import Iterator
from email.message import EmailMessage

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from guard_core.settings import Settings
from guard_store.alerts.reports import request_report
from serving.app import Services, create_app
from tests.serving.alerts.receivers import Mailbox, mail_server, route_to_mailbox
from tests.support.clients import Clients, wait_for
from tests.support.model_days import MODEL, Model
from tests.support.settings import with_values


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


@pytest.fixture
def settings(settings: Settings, mailbox: Mailbox) -> Settings:
    """Settings with a mail route."""
    return with_values(settings, alert_routes={"managers": SecretStr(route_to_mailbox(mailbox))})


def request(services: Services, month: str = "2013-01") -> bool:
    return request_report(services.database, "flights", MODEL, month, route="managers", server="http://guard")


async def test_a_report_arrives_once_with_its_sentence_its_link_and_its_file(
    services: Services, model: Model, mailbox: Mailbox
) -> None:
    await model.send(0)
    assert request(services)
    assert not request(services)
    await wait_for(lambda: bool(mailbox.mails))
    await wait_for(lambda: services.alerts.outbox.depth().waiting == 0)
    (mail,) = mailbox.mails
    assert isinstance(mail, EmailMessage)
    assert mail["Subject"] == "[REPORT] flights/late: 2013-01"
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "late received 3 events in January 2013" in text
    assert "http://guard/projects/flights/models/late/report?month=2013-01" in text
    (file,) = mail.iter_attachments()
    assert file.get_filename() == "flights-late-2013-01.html"
    assert "late received 3 events in January 2013" in file.get_content()


async def test_a_restart_sends_no_second_report(
    app: FastAPI, services: Services, settings: Settings, model: Model, mailbox: Mailbox
) -> None:
    await model.send(0)
    request(services)
    await wait_for(lambda: services.alerts.outbox.depth().waiting == 0)
    restarted = create_app(settings)
    async with restarted.router.lifespan_context(restarted):
        assert not request(restarted.state.services)
    assert len(mailbox.mails) == 1


async def test_a_report_is_no_incident(
    clients: Clients, analyst: httpx.AsyncClient, services: Services, model: Model
) -> None:
    await model.send(0)
    request(services)
    assert (await analyst.get("/api/v1/incidents")).json()["items"] == []
    (delivery,) = (await clients.of("admin").get("/api/v1/alert-deliveries")).json()["items"]
    assert delivery["title"] == "[REPORT] flights/late: 2013-01"
    assert (await analyst.get(f"/api/v1/incidents/{delivery['incident_id']}")).status_code == 404


async def test_a_report_that_cannot_be_rendered_is_retried_and_given_its_reason(
    services: Services, project: str
) -> None:
    request(services)
    await wait_for(
        lambda: bool(services.alerts.outbox.page(project_id=project, state=None, before=None, limit=1)[0].attempts)
    )
    (message,) = services.alerts.outbox.page(project_id=project, state=None, before=None, limit=1)
    assert message.newest_attempts[0]["error"] == "Model 'late' of project 'flights' has no events."
