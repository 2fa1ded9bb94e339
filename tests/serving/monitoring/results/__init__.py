"""Tests of `serving/monitoring/results`."""
