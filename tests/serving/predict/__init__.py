"""Tests of /predict."""
