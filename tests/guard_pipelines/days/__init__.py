"""Tests of guard_pipelines.days."""
