"""Tests of `serving.assistant.research`."""
