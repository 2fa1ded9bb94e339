"""Tests of costs over HTTP."""
