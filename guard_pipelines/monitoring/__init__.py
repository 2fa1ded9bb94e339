"""From stored events to verdicts: the daily assets."""
