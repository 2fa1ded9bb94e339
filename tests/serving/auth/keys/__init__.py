"""Tests of `serving/auth/keys`."""
