"""Drift verdicts on two profiles: effect, significance, sample size and state. The entry is `judge.judge`.

The distances are in `ml.monitoring.distances`; when a day is judged is decided by the pipelines.

`judge`: states of all columns of a model.
`column_verdict`: the state of a column from its tests.
`windows`: trailing windows of a column and their evidence.
`plan`: method, thresholds and required rows of a column, from its reference alone.
`evidence`: effect and p-value of a column.
`significance`: p-values of counts by cell.
`common_categories`: p-values of categorical columns with truncated lists of categories.
`null_distribution`: null distribution of the trimmed Wasserstein distance.
`sample_size`: rows required to see an effect.
`design_effect`: how much rows of one day resemble each other.
`day_scores`: where the values of a day lie among those of the baseline.
`between_days`: the days of a baseline, and the test whether newer days differ from them.
`rank_sum`: the exact rank-sum test.
`false_discovery`: adjustment for many columns.
`other_threshold`: stored verdicts under another drift threshold.
`identifiers`: columns whose values name rows.
`exclusions`: columns on which no verdict is possible.
`report`: verdicts and reports as data.
`tables`: the drift report of two tables of raw rows, for scripts and notebooks.
"""
