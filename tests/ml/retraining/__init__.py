"""Tests of ml.retraining."""
