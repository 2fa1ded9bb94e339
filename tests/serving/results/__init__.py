"""Tests of `serving/results`."""
