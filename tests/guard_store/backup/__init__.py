"""Tests of guard_store.backup."""
