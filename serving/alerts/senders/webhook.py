"""A webhook of our own for machines: the message as JSON, signed, so that the receiver knows whom it is from and when.

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

_LEAST_SECRET = 16
_GOOD = range(200, 300)


@dataclass(frozen=True)
class WebhookSender:
    """A receiver and the secret that is shared with it."""

    tls: bool
    host: str
    port: int | None
    path: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, url: SplitResult) -> "WebhookSender":
        """From `webhook+https://:secret@host/path`.

        Raises
        ------
        RouteError
            Where the host or the secret is missing, or the secret is short.
        """
        if not url.hostname:
            raise RouteError("the host is missing: webhook+https://:secret@host/path")
        secret = unquote(url.password or "").encode()
        if len(secret) < _LEAST_SECRET:
            raise RouteError(
                f"the secret must have {_LEAST_SECRET} characters at least: webhook+https://:secret@host/path"
            )
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        return cls(url.scheme.endswith("https"), url.hostname, url.port, path, secret)

    def send(self, delivery: Delivery, timeout_s: float) -> None:
        """POST the message; any answer but 2xx is a failure, a redirect too."""
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
        if status not in _GOOD:
            raise DeliveryError(f"the receiver answered {status}")

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        if self.tls:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout_s, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)


def body_of(delivery: Delivery) -> bytes:
    """The JSON that is sent; the same for each attempt."""
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
    """HMAC-SHA256 of the timestamp and the body, in hex."""
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
