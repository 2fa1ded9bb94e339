"""Tests of guard_store.db."""
