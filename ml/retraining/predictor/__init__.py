"""Predictors: stored models that answer rows. Training does not belong here; it is in `ml.retraining.training`.

`schema`: the signature of a model; checks and encodings of rows.
`frame`: rows as the data frame that a pipeline reads.
`native`: predictions of a scikit-learn pipeline.
`onnx`: predictions of an ONNX model.
`load`: a predictor from a folder of artifacts.
`errors`: errors of stored models.
"""
