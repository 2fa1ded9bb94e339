"""Tests of `serving/monitoring/series`."""
