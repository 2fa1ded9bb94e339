"""Tests of `serving/monitoring/features`."""
