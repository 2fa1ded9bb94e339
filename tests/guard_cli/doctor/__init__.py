"""Tests of guard_cli.doctor."""
