"""Tests of `serving/baselines`."""
