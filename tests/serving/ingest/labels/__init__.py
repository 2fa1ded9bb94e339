"""Tests of serving.ingest.labels."""
