"""Pages of a model.

- `changes`: forms that retrain, answer a flag, roll back, capture or activate a baseline
- `charts`: history to charts
- `data`: the numbers behind each chart as JSON
- `day`: all of one local day
- `day_sentences`: the sentences with which the pages of a column and of a day begin
- `feature`: one column: what moved, when, and how far
- `model`: how good it is, what has moved
- `neighbours`: the days beside a day
- `periods`: ranges of days that a page offers
- `report`: a month, as a page and as one file
- `sentences`: the sentences at the top of the pages of a model and of its slices
- `slices`: which part of the rows is predicted worst
- `versions`: versions, one version, two versions compared
"""
