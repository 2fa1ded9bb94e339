"""Tests of guard_pipelines.costs."""
