"""The interface and the errors that all senders share."""

from typing import Protocol

from guard_store.alerts.outbox import Delivery

THREAD_PREFIX = "alert-"
"""Prefix of the names of the threads that send messages."""


class DeliveryError(Exception):
    """A message was not delivered, as far as we can tell; the text gives the reason without secrets."""


class RouteError(ValueError):
    """The URL of a route is wrong; the text names the mistake without the URL."""


class Sender(Protocol):
    """A transport of messages."""

    def send(self, delivery: Delivery, timeout_s: float) -> None:
        """Send one message; block for about `timeout_s` seconds at most.

        Raises
        ------
        DeliveryError
            If the message was not delivered.
        """


def text_of(delivery: Delivery) -> str:
    """Return a message as plain text: its title and its body."""
    return f"{delivery.title}\n\n{delivery.body}"
