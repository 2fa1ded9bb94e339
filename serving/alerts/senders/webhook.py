"""A webhook for programs: the message as signed JSON, so that the receiver can verify its origin and its time.

The signature is HMAC-SHA256 over `<timestamp>.<body>`; `docs/alerts.md` shows how to verify it.
"""

import hashlib
import hmac
import http.client
import ssl
import time
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote

import msgspec

from guard_core.days import from_microseconds
from guard_store.alerts.outbox import Delivery
from serving.alerts.senders.base import DeliveryError, RouteError

_MIN_SECRET_BYTES = 16
_SUCCESS = range(200, 300)


@dataclass(frozen=True)
class WebhookSender:
    """A receiver and the secret that it shares with us."""

    tls: bool
    host: str
    port: int | None
    path: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, url: SplitResult) -> "WebhookSender":
        """Parse `webhook+https://:secret@host/path`.

        Raises
        ------
        RouteError
            If the host or the secret is missing, or the secret is too short.
        """
        if not url.hostname:
            raise RouteError("the host is missing: webhook+https://:secret@host/path")
        secret = unquote(url.password or "").encode()
        if len(secret) < _MIN_SECRET_BYTES:
            raise RouteError(
                f"the secret must have {_MIN_SECRET_BYTES} characters at least: webhook+https://:secret@host/path"
            )
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        return cls(url.scheme.endswith("https"), url.hostname, url.port, path, secret)

    def send(self, delivery: Delivery, timeout_s: float) -> None:
        """POST the message; any status outside 2xx is a failure, including redirects."""
        body = body_of(delivery)
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "ml-guard",
            "X-ML-Guard-Delivery": delivery.id,
            "X-ML-Guard-Timestamp": timestamp,
            "X-ML-Guard-Signature": f"sha256={signature(self.secret, timestamp, body)}",
        }
        connection = self._connection(timeout_s)
        try:
            connection.request("POST", self.path, body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise DeliveryError(f"the receiver failed: {type(error).__name__}") from error
        finally:
            connection.close()
        if status not in _SUCCESS:
            raise DeliveryError(f"the receiver answered {status}")

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        if self.tls:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout_s, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)


def body_of(delivery: Delivery) -> bytes:
    """Encode a message as JSON; every attempt sends the same bytes."""
    return msgspec.json.encode(
        {
            **delivery.payload,
            "route": delivery.route,
            "title": delivery.title,
            "text": delivery.body,
            "created_at": from_microseconds(delivery.created_us).isoformat(),
        }
    )


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of `<timestamp>.<body>` in hex."""
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
