"""Tests of ml.charts."""
