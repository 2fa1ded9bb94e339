"""Tests of serving.runtime."""
