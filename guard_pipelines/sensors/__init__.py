"""What asks for runs by looking: the news sensor.

What asks by the clock is in `schedules.py`.
"""
