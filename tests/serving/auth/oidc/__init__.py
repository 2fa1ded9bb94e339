"""Tests of bearer tokens."""
