"""Tests of guard_store.spending."""
