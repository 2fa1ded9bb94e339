"""Tests of `serving.tools.web`."""
