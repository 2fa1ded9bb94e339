"""Tests of serving.alerts.senders."""
