"""Alerting on a model's days.

`conditions`: conditions of alert policies, on one day and over several days.
"""
