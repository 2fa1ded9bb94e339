"""Import everything that a run needs; only for the process that runs are forked from."""

import importlib

from ml.environment import set_library_defaults
from ml.retraining.training.log_run import set_mlflow_defaults

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

set_library_defaults()
set_mlflow_defaults()
for name in (*_OURS, *_OTHERS):
    importlib.import_module(name)
