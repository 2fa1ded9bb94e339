"""Asset checks on a run's days."""
