"""Tests of guard_store.retraining."""
