"""Structured logs: one JSON object a line on stderr, with the id of the request being handled.

Only the format belongs here; what to log is up to the callers. Secrets are never passed to a logger.
"""

import logging
from contextvars import ContextVar
from datetime import UTC, datetime

import msgspec

request_id_var: ContextVar[str | None] = ContextVar("request_id", default=None)

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}

# Loggers of packages with lines for each tick of each sensor: on the schema's revision, and on the pool of connections.
_LOUD = ("alembic.runtime.migration", "guard_store.db.database._Pool")


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object; the keys of `extra` become fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line of JSON."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id_var.get(),
            **{name: value for name, value in vars(record).items() if name not in _STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def configure_logging(level: str) -> None:
    """Send all logs of this process to stderr as JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
