"""Retrain recommendations and flags: what the rule says, and what people say about it."""
