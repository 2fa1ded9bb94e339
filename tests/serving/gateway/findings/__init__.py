"""Tests of findings over HTTP."""
