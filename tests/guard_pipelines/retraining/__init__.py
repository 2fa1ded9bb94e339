"""Tests of guard_pipelines.retraining."""
