"""Tests of serving.assistant."""
