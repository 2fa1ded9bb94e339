"""Tests of guard_core."""
