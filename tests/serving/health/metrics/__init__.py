"""Tests of `serving/health/metrics`."""
