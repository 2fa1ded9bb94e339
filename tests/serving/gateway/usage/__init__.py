"""Tests of usage and budgets."""
