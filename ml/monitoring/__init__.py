"""What is computed of a day: profiles, distances, verdicts, performance."""
