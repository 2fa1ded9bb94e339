"""Tests of ml.alerting."""
