"""Tests of `serving/gateway/prompts`."""
