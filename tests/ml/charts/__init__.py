"""Tests of charts that reports draw."""
