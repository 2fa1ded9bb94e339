"""Where a prediction, a version or a run comes from."""
