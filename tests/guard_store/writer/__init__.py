"""Tests of guard_store.writer."""
