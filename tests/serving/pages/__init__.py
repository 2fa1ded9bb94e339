"""Tests of serving.pages."""
