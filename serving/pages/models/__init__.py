"""Pages of a model.

- `day`: all of one local day
- `feature`: one column: what moved, when, and how far
- `neighbours`: the days beside a day
- `sentences`: the sentences with which the pages of a column and of a day begin
"""
