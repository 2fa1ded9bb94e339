"""From two profiles to a verdict: effect, significance, sample size, state. The entry is `judge.judge`.

The distances themselves are in `ml.monitoring.distances`; when a day is judged is the pipelines' part.
"""
