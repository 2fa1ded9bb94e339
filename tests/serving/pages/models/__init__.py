"""Tests of pages of a model."""
