"""Statistics of a model's days: profiles of their rows, and what is computed from the profiles.

`kinds`: the kind of a column's values.
`profiles`: mergeable summaries of columns.
`distances`: distances between two profiles.
`distributions`: two profiles over the same bins, to look at.
`verdicts`: drift verdicts on two profiles.
`baseline_content`: what is stored of a baseline.
`baseline_trends`: columns that rise or fall over the days of a baseline.
`noise_bounds`: the effect that an unchanged column stays below by chance.
`performance`: realised and estimated performance.
`day_metrics`: the metrics of a day that people read.
"""
