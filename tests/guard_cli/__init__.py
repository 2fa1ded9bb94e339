"""Tests of `guard_cli`."""
