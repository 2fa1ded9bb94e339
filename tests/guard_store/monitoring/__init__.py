"""Tests of guard_store.monitoring."""
