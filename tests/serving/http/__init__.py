"""Tests of serving.http."""
