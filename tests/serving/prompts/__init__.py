"""Tests of `serving/prompts`."""
