"""Tests of monthly reports."""
