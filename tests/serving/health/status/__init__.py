"""Tests of `serving/health/status`."""
