"""Tests of alerts over HTTP and of their delivery."""
