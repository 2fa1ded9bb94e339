"""Tests of ml.verdicts."""
