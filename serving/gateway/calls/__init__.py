"""One paid call: its budget, its policy, its usage, its spans and metrics."""
