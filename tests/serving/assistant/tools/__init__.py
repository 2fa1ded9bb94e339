"""Tests of `serving.assistant.tools`."""
