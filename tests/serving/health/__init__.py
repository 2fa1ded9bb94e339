"""Tests of `serving/health`."""
