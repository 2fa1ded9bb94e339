"""What every room must agree on: days, ids, names, settings, project settings, the pure rules of alerts.

Nothing here reads a database, serves HTTP or computes a statistic.
"""
