"""From a mail to the number that it is about, and from there to its evidence: one click each, of an incident of real pipelines."""

import re
from collections.abc import Iterator
from email.message import EmailMessage
from urllib.parse import urlsplit

import httpx
import pytest
from bs4 import BeautifulSoup, Tag
from pydantic import SecretStr

from guard_core.settings import Settings
from guard_store.alerts.fold import fold
from tests.serving.alerts.receivers import Mailbox, mail_server, route_to_mailbox
from tests.support.clients import Clients, wait_for
from tests.support.pages import sign_in
from tests.support.pipeline_projects import send_days, train_first
from tests.support.pipelines import Pipelines, home, instance, pipelines
from tests.support.settings import with_values

__all__ = ["home", "instance", "pipelines"]


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


@pytest.fixture
def settings(pipelines: Pipelines, mailbox: Mailbox) -> Settings:
    """Settings of the pipelines' own database, where the relation that a champion has learnt is turned round."""
    train_first(pipelines)
    settings = with_values(pipelines.settings, alert_routes={"mail": SecretStr(route_to_mailbox(mailbox))})
    fold(pipelines.database, with_values(settings, alert_routes={}), gather_s=0)
    send_days(pipelines.database, 11, 18, turned=True)
    pipelines.settle()
    fold(pipelines.database, settings, gather_s=0)
    return settings


@pytest.fixture
async def reader(clients: Clients) -> httpx.AsyncClient:
    """A person with a session."""
    return await sign_in(clients, "analyst")


def find(page: BeautifulSoup | Tag, name: str, text: str | None = None) -> Tag:
    """Return the first element of a name, with exactly this text if one is given."""
    element = page.find(name, string=text) if text else page.find(name)
    assert isinstance(element, Tag), page.text
    return element


async def click(reader: httpx.AsyncClient, link: Tag) -> BeautifulSoup:
    """Follow a link of a mail or a page, and return the page behind it."""
    url = urlsplit(str(link["href"]))
    response = await reader.get(url._replace(scheme="", netloc="").geturl())
    assert response.status_code == 200, response.text
    return BeautifulSoup(response.text, "html.parser")


async def test_a_mail_is_one_click_from_its_number_and_two_from_the_evidence(
    reader: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await wait_for(lambda: bool(mailbox.mails))
    message = mailbox.mails[0]
    assert isinstance(message, EmailMessage)
    assert message["Subject"] == "[ERROR] p/m: performance, drift, retraining recommended"
    part = message.get_body(("html",))
    assert part is not None
    mail = BeautifulSoup(part.get_content(), "html.parser")
    name, value = (cell.text for cell in find(mail.find_all("table")[-1], "tr").find_all("td"))
    assert name == "realised ROC AUC", "the number is that of the change that the subject begins with"
    assert 0 < float(value) < 0.5

    incident = await click(reader, find(mail, "a"))
    number = find(incident, "strong", f"realised ROC AUC {value}")

    alert = number.find_parent("section")
    assert alert is not None
    day = await click(reader, find(alert, "a", "all of 18 Jan 2013"))
    assert value in find(day, "main").text

    feature = incident.find("a", string=re.compile(" on that day$"))
    assert isinstance(feature, Tag)
    assert "Where the values lie" in (await click(reader, feature)).text, "the evidence of a drift: both distributions"
    flag = await click(reader, find(incident, "a", "evidence of the flag"))
    assert value in find(flag, "main").text
