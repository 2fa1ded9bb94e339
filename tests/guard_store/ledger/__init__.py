"""Tests of guard_store.ledger."""
