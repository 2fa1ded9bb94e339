"""Tests of `serving/monitoring/preview`."""
