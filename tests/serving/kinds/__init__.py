"""Tests of `serving/kinds`."""
