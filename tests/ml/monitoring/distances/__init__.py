"""Tests of ml.monitoring.distances."""
