"""Tests of guard_store.lake."""
