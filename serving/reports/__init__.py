"""Monthly reports: what a model has done in a local month, gathered from the services and stores of the other domains.

- `columns`: drift and missing values of a month, column by column
- `endpoints`: the route
- `months`: months as query parameters, and their local days
- `schemas`: its response
- `sentences`: the sentence that a report begins with
- `service`: the report of a month
"""
