"""A misbehaving API on a real socket, and a client for it."""

from tests.sdk.api_double import api, client

__all__ = ["api", "client"]
