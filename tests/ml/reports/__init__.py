"""Tests of reports for people: sentences, charts, limits and escaping."""
