"""Tests of the limits on callers."""
