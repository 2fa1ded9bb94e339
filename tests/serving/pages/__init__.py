"""Tests of `serving/pages`."""
