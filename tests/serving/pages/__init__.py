"""Tests of the pages, over ASGI and in a real browser."""
