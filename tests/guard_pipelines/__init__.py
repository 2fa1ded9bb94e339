"""Tests of guard_pipelines."""
