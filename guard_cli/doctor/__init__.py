"""`ml-guard doctor`: checks of all settings and of everything that ML Guard depends on, each with its fix.

- `check`: what a check returns, and how it is run
- `command`: the table of checks, and the command
- `processes`: ports, Dagster, clock
- `services`: servers and models that the settings name
- `storage`: home folder, databases, lake
"""
