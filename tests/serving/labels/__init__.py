"""Tests of serving.labels."""
