"""Tests of guard_core.alerting."""
