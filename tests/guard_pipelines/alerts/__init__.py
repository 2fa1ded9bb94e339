"""Tests of guard_pipelines.alerts."""
