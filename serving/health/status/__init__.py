"""The status of an installation: what waits, what has failed, and how much room is left.

- `disk`: sizes of the parts of the home folder
- `endpoints`: the route
- `findings`: sentences about what waits and what needs attention
- `schemas`: its response
- `service`: reads each part, whether or not the others can be read
"""
