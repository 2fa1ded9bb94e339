"""Tests of guard_store.ingest."""
