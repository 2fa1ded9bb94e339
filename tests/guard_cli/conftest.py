"""The app and its clients, as the tests of serving have them."""

from tests.serving.conftest import _logging_as_before, anonymous, app, clients, services

__all__ = ["_logging_as_before", "anonymous", "app", "clients", "services"]
