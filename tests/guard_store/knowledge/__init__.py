"""Tests of guard_store.knowledge."""
