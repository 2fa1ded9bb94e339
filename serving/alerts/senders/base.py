"""What all ways of sending have in common."""

from typing import Protocol

from guard_store.alerts.outbox import Delivery

THREAD_PREFIX = "alert-"
"""Names of threads that send begin with it."""


class DeliveryError(Exception):
    """A message was not delivered, as far as can be known; the text says why, without secrets."""


class RouteError(ValueError):
    """A route's URL is wrong; the text says what, without the URL."""


class Sender(Protocol):
    """A way of sending; it blocks, for about `timeout_s` at most."""

    def send(self, delivery: Delivery, timeout_s: float) -> None:
        """Send one message, or raise DeliveryError."""


def text_of(delivery: Delivery) -> str:
    """The message as people read it: the title of each message of a thread, then what there is to say."""
    return f"{delivery.title}\n\n{delivery.body}"
