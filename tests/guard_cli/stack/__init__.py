"""Tests of guard_cli.stack."""
