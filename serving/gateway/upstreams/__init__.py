"""Servers of language models: retries, fallbacks, reading what they answer."""
