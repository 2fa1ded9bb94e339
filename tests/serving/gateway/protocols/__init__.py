"""Tests of the protocols of language models."""
