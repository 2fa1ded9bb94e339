"""Tests of `ml/charts`."""
