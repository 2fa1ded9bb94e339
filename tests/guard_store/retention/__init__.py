"""Tests of guard_store.retention."""
