"""Labels: what really happened to events, known later than they were predicted."""
