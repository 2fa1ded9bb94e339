"""Tests of ml.distances."""
