"""Tests of `serving/pages/models`."""
