"""Tests of `serving.research`."""
