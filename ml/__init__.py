"""What is computed: profiles, drift statistics, verdicts. Pure functions over Arrow and numpy.

Nothing here knows Dagster, HTTP or a database.
"""
