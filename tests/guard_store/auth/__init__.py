"""Tests of guard_store.auth."""
