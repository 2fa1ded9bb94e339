"""A model's history over HTTP, columnar: one list a column, one value a day.

- `endpoints`: routes
- `matrix`: drift reports to one row a column
- `model_service`: a model as it is now, and what happened to it
- `schemas`: responses
- `service`: reads the series
- `timeline`: what happened to a model, as marks on its days
"""
