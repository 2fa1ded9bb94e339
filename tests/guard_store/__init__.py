"""Tests of guard_store."""
