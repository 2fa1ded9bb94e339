"""Tests of serving.retraining."""
