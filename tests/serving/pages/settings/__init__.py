"""Tests of `serving/pages/settings`."""
