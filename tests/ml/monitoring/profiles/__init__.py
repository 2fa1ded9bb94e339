"""Tests of column and table profiles."""
