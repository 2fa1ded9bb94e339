"""Tests of guard_store.day_state."""
