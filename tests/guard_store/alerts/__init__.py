"""Tests of alerts as they are kept."""
