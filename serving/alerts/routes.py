"""Routes of messages: the names and URLs of `ML_GUARD_ALERT_ROUTES`, and the sender that a URL selects.

A URL contains secrets: it must not appear in a message, a log line or a response.
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
    """Return the scheme of a route's URL, the only part of it that is not secret."""
    return url.get_secret_value().partition(":")[0].lower()


def sender_of(url: SecretStr) -> Sender:
    """Return the sender that a URL selects by its scheme.

    Raises
    ------
    RouteError
        If the URL is wrong.
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
    """Return the senders of all routes, by name of the route.

    Raises
    ------
    RouteError
        If a URL is wrong; the message names the route and the mistake.
    """
    by_route: dict[str, Sender] = {}
    for name, url in settings.alert.routes.items():
        try:
            by_route[name] = sender_of(url)
        except RouteError as error:
            raise RouteError(f"{name}: {error}") from None
    return by_route
