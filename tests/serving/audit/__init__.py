"""Tests of `serving/audit`."""
