"""Asset checks: what a run's days look like beside the days before them.

Findings are warnings; only a lake that does not hold what the store holds blocks.
"""
