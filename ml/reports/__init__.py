"""Reports for people as HTML without scripts and other files: pages of the scripts, and fragments for notebooks.

Charts are drawn in `ml.charts`, as those of the server's pages; verdicts and metrics are computed in `ml.monitoring` and `ml.retraining`.

- `column_charts`: the chart of a column from two profiles
- `document`: page, fragment, style sheet and the limit of size
- `drift_page`: the report of a drift check
- `evaluation_page`: the report of an evaluation
- `notebook`: a drift report as an object of a notebook
- `sentences`: verdicts as sentences
"""
