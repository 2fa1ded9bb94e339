"""Tests of what a series of costs says."""
