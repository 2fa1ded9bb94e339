"""Tests of guard_core.project_settings."""
