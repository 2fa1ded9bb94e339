"""Mail by SMTP; message ids, references and the subject make all messages of an incident one thread.

Apprise sets no such headers, so mail does not go through it.
"""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import cast
from urllib.parse import SplitResult, parse_qs, unquote

from guard_core.units import SECOND_US
from guard_store.alerts.outbox import Delivery
from serving.alerts.senders.base import DeliveryError, RouteError, text_of
from serving.alerts.senders.mail_content import draw_picture, read_figure, render_html

_HOST = "alerts.ml-guard.invalid"
_MODES = {"mailto": "plain", "mailtos": "starttls"}
_PORTS = {"plain": 25, "starttls": 587, "ssl": 465}


@dataclass(frozen=True)
class MailSender:
    """Recipients, and the SMTP server that accepts mail for them."""

    host: str
    port: int
    mode: str
    user: str | None
    password: str | None
    sender: str
    recipients: tuple[str, ...]

    @classmethod
    def of(cls, url: SplitResult) -> "MailSender":
        """Parse `mailtos://user:password@smtp.example.com:587?to=a@example.com,b@example.com&from=guard@example.com`.

        Raises
        ------
        RouteError
            If a part is missing or unknown.
        """
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        unknown = sorted(set(query) - {"to", "from", "smtp", "mode"})
        if unknown:
            raise RouteError(f"{unknown[0]}: is not known; there is to, from, smtp, mode")
        mode = query.get("mode", _MODES[url.scheme])
        if mode not in _PORTS:
            raise RouteError(f"mode: must be one of {', '.join(_PORTS)}")
        host = query.get("smtp") or url.hostname
        if not host:
            raise RouteError("the SMTP server is missing: mailtos://user:password@smtp.example.com?to=…")
        user = unquote(url.username) if url.username else None
        recipients = tuple(address.strip() for address in query.get("to", "").split(",") if address.strip())
        sender = query.get("from") or (user if user and "@" in user else f"{user or 'ml-guard'}@{url.hostname}")
        for name, addresses in (("to", recipients), ("from", (sender,))):
            if not addresses or not all("@" in parseaddr(address)[1] for address in addresses):
                raise RouteError(f"{name}: needs an address such as oncall@example.com")
        password = unquote(url.password) if url.password else None
        return cls(host, url.port or _PORTS[mode], mode, user, password, sender, recipients)

    def send(self, delivery: Delivery, timeout_s: float) -> None:
        """Send one message to all recipients."""
        mail = self.message(delivery)  # drawing takes a while: the server does not wait for it
        try:
            with self._connect(timeout_s) as server:
                if self.mode == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if self.user and self.password:
                    server.login(self.user, self.password)
                refused = server.send_message(mail, self.sender, list(self.recipients))
        except smtplib.SMTPResponseException as error:
            raise DeliveryError(f"the mail server answered {error.smtp_code}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"the mail server failed: {type(error).__name__}") from error
        if refused:
            raise DeliveryError(f"the mail server refused {len(refused)} of {len(self.recipients)} recipients")

    def message(self, delivery: Delivery) -> EmailMessage:
        """Build the mail, as text and as HTML; every attempt sends the same text under the same id."""
        mail = EmailMessage()
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        # Mail programs group messages that have the same subject and refer to the same first message.
        mail["Subject"] = delivery.title if delivery.title == delivery.thread else f"Re: {delivery.thread}"
        mail["Date"] = formatdate(delivery.created_us / SECOND_US)
        mail["Message-ID"] = _message_id(delivery.id)
        root = _message_id(delivery.incident_id)
        mail["References"] = root
        mail["In-Reply-To"] = root
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-ML-Guard-Delivery"] = delivery.id
        mail["X-ML-Guard-Incident"] = delivery.incident_id
        mail.set_content(text_of(delivery))
        figure = read_figure(delivery)
        picture = draw_picture(delivery, figure)
        mail.add_alternative(render_html(delivery, figure, picture), subtype="html")
        if picture is not None:
            html = cast("EmailMessage", mail.get_body(("html",)))
            html.add_related(picture.png, "image", "png", cid=f"<{picture.content_id}>", disposition="inline")
        if delivery.attachment is not None:
            file = delivery.attachment
            mail.add_attachment(file.text, subtype="html", filename=file.name)
        return mail

    def _connect(self, timeout_s: float) -> smtplib.SMTP:
        if self.mode == "ssl":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=timeout_s, context=ssl.create_default_context())
        return smtplib.SMTP(self.host, self.port, timeout=timeout_s)


def _message_id(name: str) -> str:
    return f"<{name}@{_HOST}>"
