"""Import everything that a run needs; only for the process that runs are forked from."""

import importlib

from ml.retraining.training.log_run import teach_manners

_OURS = (
    "guard_pipelines.definitions",
    "guard_pipelines.alerts.stage",
    "guard_pipelines.monitoring.stages.drift",
    "guard_pipelines.monitoring.stages.lake",
    "guard_pipelines.monitoring.stages.performance",
    "guard_pipelines.monitoring.stages.profile",
    "guard_pipelines.retraining.stage",
    "guard_pipelines.retraining.training",
)
_OTHERS = (
    "dagster._grpc.impl",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "mlflow.artifacts",
    "mlflow.sklearn",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "onnxruntime",
    "skl2onnx",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "skops.io",
)

teach_manners()
for name in (*_OURS, *_OTHERS):
    importlib.import_module(name)
