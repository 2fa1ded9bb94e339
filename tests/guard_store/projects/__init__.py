"""Tests of guard_store.projects."""
