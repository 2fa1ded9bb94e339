"""Predictors: stored models that answer rows. Training does not belong here; it is in `ml.retraining.training`.

`schema`: the signature of a model; checks and encodings of rows.
`frame`: rows as the data frame that a pipeline reads.
`native`: predictions of a scikit-learn pipeline.
`trust`: which types a stored model may hold.
`onnx`: predictions of an ONNX model.
`coded_labels`: classifiers that read whole numbers only, behind labels of any kind.
`explain`: effects of features on one prediction.
`load`: a predictor from a folder of artifacts.
`ml_guard_pyfunc`: the same predictions in MLflow's tools, from a copy in the model folder.
`errors`: errors of stored models.
"""
