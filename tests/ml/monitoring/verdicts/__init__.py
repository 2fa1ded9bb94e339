"""Tests of ml.monitoring.verdicts."""
