"""Tests of the way to language models, and the upstream that they talk to."""
