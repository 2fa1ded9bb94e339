"""Every service that Apprise knows: Slack, Teams, PagerDuty, Telegram and a hundred others."""

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from guard_store.alerts.outbox import Delivery
from serving.alerts.senders.base import THREAD_PREFIX, DeliveryError, RouteError

if TYPE_CHECKING:
    import apprise

_TYPES = {"resolved": "success", "info": "info", "warning": "warning", "error": "failure", "critical": "failure"}


@dataclass(frozen=True)
class AppriseSender:
    """One service, as Apprise speaks to it."""

    service: "apprise.NotifyBase" = field(repr=False)

    @classmethod
    def of(cls, url: str) -> "AppriseSender":
        """From a URL of Apprise's.

        Raises
        ------
        RouteError
            Where Apprise does not know it.
        """
        import apprise

        # Its log names URLs, which hold secrets, and so does the log of its HTTP client.
        logging.getLogger("apprise").disabled = True
        logging.getLogger("urllib3.connectionpool").addFilter(_not_of_a_sender)
        service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if not isinstance(service, apprise.NotifyBase):
            raise RouteError("is not a URL that Apprise knows, nor mailto(s), webhook+http(s) or file")
        return cls(service)

    def send(self, delivery: Delivery, timeout_s: float) -> None:
        """Let Apprise send it; it says only whether that worked."""
        import apprise

        self.service.socket_connect_timeout = timeout_s
        self.service.socket_read_timeout = timeout_s
        state = str(delivery.payload["state"])
        kind = _TYPES["resolved" if state == "resolved" else str(delivery.payload["severity"])]
        # A person can tell a repetition, and what belongs together.
        body = f"{delivery.body}\nIncident {delivery.incident_id[:8]}, message {delivery.seq}\n"
        try:
            sent = self.service.notify(
                title=delivery.title, body=body, notify_type=apprise.NotifyType(kind), body_format="text"
            )
        except Exception as error:
            raise DeliveryError(f"Apprise failed: {type(error).__name__}") from error
        if not sent:
            raise DeliveryError("the service did not take it, as Apprise says")


def _not_of_a_sender(record: logging.LogRecord) -> bool:
    return not str(record.threadName).startswith(THREAD_PREFIX)
