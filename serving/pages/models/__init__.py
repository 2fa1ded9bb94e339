"""The pages of one model.

- `changes`: forms that retrain, roll back or capture a baseline
- `charts`: history to charts
- `data`: the numbers behind each chart as JSON
- `model`: how good it is, what has moved
- `periods`: ranges of days that a page offers
- `sentences`: the sentences at the top of the pages
- `slices`: which part of the rows is predicted worst
"""
