"""Every service that Apprise supports: Slack, Teams, PagerDuty, Telegram and a hundred others."""

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
    """One service, sent to through Apprise."""

    service: "apprise.NotifyBase" = field(repr=False)

    @classmethod
    def of(cls, url: str) -> "AppriseSender":
        """Parse a URL of Apprise.

        Raises
        ------
        RouteError
            If Apprise does not support it.
        """
        import apprise

        # Apprise and its HTTP client log URLs, which contain secrets.
        logging.getLogger("apprise").disabled = True
        logging.getLogger("urllib3.connectionpool").addFilter(_is_from_other_thread)
        service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if not isinstance(service, apprise.NotifyBase):
            raise RouteError("is not a URL that Apprise knows, nor mailto(s), webhook+http(s) or file")
        return cls(service)

    def send(self, delivery: Delivery, timeout_s: float) -> None:
        """Send one message; Apprise reports success or failure, without a reason."""
        import apprise

        self.service.socket_connect_timeout = timeout_s
        self.service.socket_read_timeout = timeout_s
        state = str(delivery.payload["state"])
        kind = _TYPES["resolved" if state == "resolved" else str(delivery.payload["severity"])]
        # These services have no threads and no message ids: the last line shows repetitions and related messages.
        body = f"{delivery.body}\nIncident {delivery.incident_id[:8]}, message {delivery.seq}\n"
        try:
            is_sent = self.service.notify(
                title=delivery.title, body=body, notify_type=apprise.NotifyType(kind), body_format="text"
            )
        except Exception as error:
            raise DeliveryError(f"Apprise failed: {type(error).__name__}") from error
        if not is_sent:
            raise DeliveryError("Apprise reports that the service did not accept the message")


def _is_from_other_thread(record: logging.LogRecord) -> bool:
    return not str(record.threadName).startswith(THREAD_PREFIX)
