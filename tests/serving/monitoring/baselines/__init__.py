"""Tests of `serving/monitoring/baselines`."""
