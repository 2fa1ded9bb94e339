"""Tests of `ml.tables`."""
