"""Tests of `ml-guard import`."""
