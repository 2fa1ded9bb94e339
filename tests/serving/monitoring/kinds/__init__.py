"""Tests of `serving/monitoring/kinds`."""
