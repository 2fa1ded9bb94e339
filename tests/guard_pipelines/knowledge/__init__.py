"""Tests of guard_pipelines.knowledge."""
