"""Tests of guard_pipelines.runtime."""
