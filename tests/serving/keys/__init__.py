"""Tests of `serving/keys`."""
