"""Tests of the OpenAI-compatible routes, through the official client."""
