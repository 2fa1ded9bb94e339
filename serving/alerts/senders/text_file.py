"""Messages appended to a text file: for first steps, for the demo, and for log shippers."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote

from guard_core.days import from_microseconds
from guard_store.alerts.outbox import Delivery
from serving.alerts.senders.base import DeliveryError, RouteError, text_of


@dataclass(frozen=True)
class FileSender:
    """A file that messages are appended to."""

    path: Path

    @classmethod
    def of(cls, url: SplitResult) -> "FileSender":
        """Parse `file:///absolute/path`.

        Raises
        ------
        RouteError
            If the path is not absolute.
        """
        if url.netloc or not url.path.startswith("/") or url.path.endswith("/"):
            raise RouteError("needs the absolute path of a file: file:///var/log/ml-guard-alerts.txt")
        return cls(Path(unquote(url.path)))

    def send(self, delivery: Delivery, timeout_s: float) -> None:  # noqa: ARG002 - a disk does not hang
        """Append one message, and wait until it is on disk."""
        at = from_microseconds(delivery.created_us).replace(microsecond=0).isoformat()
        text = f"--- {at} incident {delivery.incident_id[:8]}, message {delivery.seq}\n{text_of(delivery)}\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DeliveryError(f"the file cannot be written: {error.strerror or type(error).__name__}") from error
