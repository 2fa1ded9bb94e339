"""Serving and Dagster on one machine, started and stopped together.

`up` holds the commands `up` and `down`, `stack` the processes of the stack and their health, `processes` starts, recognises
and stops a process group, `dagster_health` asks Dagster for its health.
"""
