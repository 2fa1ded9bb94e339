"""Tests of guard_pipelines.retention."""
