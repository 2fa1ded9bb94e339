"""The app and its clients."""

from tests.support.clients import _logging_as_before, anonymous, app, clients, services

__all__ = ["_logging_as_before", "anonymous", "app", "clients", "services"]
