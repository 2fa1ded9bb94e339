"""The daily assets: raw events, aggregates, drift reports.

Each serves every project and model of its run's days: those with news when the sensor asked, all of them otherwise.
"""
