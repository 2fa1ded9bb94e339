"""Tests of calls of language models."""
