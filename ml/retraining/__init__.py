"""Models: when to retrain, how to train, whether to promote, and how to predict.

`rule`: the retrain rule.
`training`: training and evaluation of a candidate.
`promotion`: the comparison of a candidate with the champion.
`probation`: the comparison of a new champion with the old one on the days after.
`day_gains`: the mean gain of one model over another, with days as units.
`predictor`: stored models that answer rows.
"""
