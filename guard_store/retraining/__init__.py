"""Flags, evaluations, trainings, decisions, shadow sums, and the model registry."""
