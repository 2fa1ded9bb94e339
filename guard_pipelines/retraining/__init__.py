"""From drift reports to a retrain flag, and from a flag to a registered version."""
