"""Tests of `serving.assistant.tools.web`."""
