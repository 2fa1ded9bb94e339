"""Where messages are sent: names and URLs of the setting, and which way of sending a URL wants.

A URL holds secrets: it is in no message, log line or answer.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import SecretStr

from guard_core.settings import Settings
from serving.alerts.senders.base import RouteError, Sender
from serving.alerts.senders.by_apprise import AppriseSender
from serving.alerts.senders.mail import MailSender
from serving.alerts.senders.text_file import FileSender
from serving.alerts.senders.webhook import WebhookSender


def scheme_of(url: SecretStr) -> str:
    """What kind of route it is, which is no secret."""
    return url.get_secret_value().partition(":")[0].lower()


def sender_of(url: SecretStr) -> Sender:
    """The way of sending to a URL.

    Raises
    ------
    RouteError
        Where the URL is wrong.
    """
    text = url.get_secret_value()
    try:
        split = urlsplit(text)
        _ = split.port
    except ValueError:
        raise RouteError("is not a URL") from None
    match split.scheme:
        case "mailto" | "mailtos":
            return MailSender.of(split)
        case "webhook+http" | "webhook+https":
            return WebhookSender.of(split)
        case "file":
            return FileSender.of(split)
    return AppriseSender.of(text)


def senders(settings: Settings) -> Mapping[str, Sender]:
    """All routes, ready to send.

    Raises
    ------
    RouteError
        Naming the route and what is wrong with it.
    """
    found: dict[str, Sender] = {}
    for name, url in settings.alert.routes.items():
        try:
            found[name] = sender_of(url)
        except RouteError as error:
            raise RouteError(f"{name}: {error}") from None
    return found
