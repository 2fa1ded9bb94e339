"""Tests of serving.monitoring."""
