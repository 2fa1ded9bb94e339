"""Tests of `serving/projects`."""
