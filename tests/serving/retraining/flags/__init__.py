"""Tests of retrain."""
