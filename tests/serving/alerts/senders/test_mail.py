"""The parts of a mail: its text, the same as HTML with the number and its links, and a picture of the days before."""

from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest

from guard_core.alerting.figures import Figure
from guard_store.alerts.outbox import Delivery
from guard_store.db.database import Database
from serving.alerts.senders import mail_content
from serving.alerts.senders.mail import MailSender
from tests.support.alert_facts import Facts

FIGURE = Figure(
    "realised ROC AUC",
    0.587,
    "roc_auc",
    threshold=0.708,
    baseline=0.728,
    low=0.535,
    high=0.636,
    rows=759,
    days=["2013-03-03", "2013-03-04", "2013-03-05"],
    values=[0.71, 0.66, 0.587],
)


def message_of(database: Database, figure: Figure | None) -> Delivery:
    facts = Facts(database)
    details = {} if figure is None else figure.as_details()
    lines = ["temp: PSI is 2.93 & more", "compared with baseline 1"]
    facts.drift("2013-03-05", message="Drift in <temp>.", lines=lines, **details)
    (message,) = facts.fold()
    return message


def mail_of(message: Delivery) -> EmailMessage:
    return MailSender.of(urlsplit("mailto://localhost?to=a@example.com")).message(message)


def part_of(mail: EmailMessage, subtype: str) -> EmailMessage:
    part = mail.get_body((subtype,))
    assert isinstance(part, EmailMessage)
    return part


def test_both_parts_hold_the_text_and_the_first_link_is_the_page_of_the_incident(database: Database) -> None:
    message = message_of(database, FIGURE)
    mail = mail_of(message)
    assert mail.get_content_type() == "multipart/alternative"
    assert part_of(mail, "plain").get_content().startswith(message.title)
    html = part_of(mail, "html").get_content()
    assert html.index(f'href="http://127.0.0.1:8000/incidents/{message.incident_id}"') == html.index("href=")
    assert "Drift in &lt;temp&gt;." in html
    assert "<li>temp: PSI is 2.93 &amp; more</li>" in html
    assert f'href="http://127.0.0.1:8000/api/v1/alerts/{message.payload["changes"][0]["alert_id"]}"' in html
    for text in ("0.587", "0.535 to 0.636", "0.728", "0.708"):
        assert text in html


def test_the_picture_is_a_related_part_that_the_html_shows_by_its_id(database: Database) -> None:
    mail = mail_of(message_of(database, FIGURE))
    (picture,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    content_id = picture["Content-ID"].strip("<>")
    assert f'src="cid:{content_id}"' in part_of(mail, "html").get_content()
    content = picture.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert content.startswith(b"\x89PNG")


def test_a_message_about_no_number_has_no_picture(database: Database) -> None:
    mail = mail_of(message_of(database, None))
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]


def test_a_mail_whose_picture_cannot_be_drawn_is_sent_without_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise RuntimeError("no fonts")

    monkeypatch.setattr(mail_content, "trend_picture", fail)
    mail = mail_of(message_of(database, FIGURE))
    assert "image/png" not in [part.get_content_type() for part in mail.walk()]
    assert "0.587" in part_of(mail, "html").get_content()
    assert "the picture of a mail could not be drawn" in caplog.text
