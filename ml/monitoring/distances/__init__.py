"""Distances between two profiles, or two rows of counts: one statistic a file, named by its field term.

What a distance means at a given sample size (significance, thresholds, verdicts) is in `ml.monitoring.verdicts`.
"""
