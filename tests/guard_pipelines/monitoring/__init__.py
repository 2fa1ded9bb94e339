"""Tests of guard_pipelines.monitoring."""
