"""Tests of serving.auth."""
