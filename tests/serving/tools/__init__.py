"""Tests of `serving.tools`."""
