"""Performance of predictions: realised with labels, estimated without them, and the comparison of both.

`labels`: labels that mean the same, however they are spelt.
`tasks`: what a model predicts: one of two classes, one of several, a grade or a number.
`realised`: metrics of labelled rows.
`estimated`: metrics expected of rows without labels.
`reference`: performance in the window of a baseline.
`check`: the error of an estimate once labels have arrived.
`calibration`: calibrators that map scores to observed shares.
`beta_calibration`: smooth calibration with three coefficients.
`loss_model`: errors of predictions, learned from features.
`day_variation`: how much estimates err by day beyond chance.
`confusion`: metrics of a confusion matrix.
`scores`: metrics of probabilities.
`roc_auc`: area under the ROC curve.
`regression`: metrics of numeric predictions.
`pooled`: a metric over several days.
`day_comparison`: a metric of the newest days against the days of a baseline.
`bootstrap`: bootstrap resamples and their intervals.
"""
