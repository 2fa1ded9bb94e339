"""Tests of `serving/commands`."""
