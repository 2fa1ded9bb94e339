"""One column of a model over HTTP: its verdict on a day, its distributions and its history.

- `distributions`: both distributions as JSON
- `endpoints`: the route
- `schemas`: its response
- `service`: reads report, profiles and history of the column
"""
