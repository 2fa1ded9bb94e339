"""Tests of the client `ml_guard`."""
