"""All that a run needs sooner or later, imported: for the process that runs are forked from, and for nobody else."""

import importlib

from ml.training.log_run import teach_manners

_OURS = ("alerts", "drift", "lake", "performance", "profile", "retrain", "training")
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
for name in ("guard_pipelines.definitions", *(f"guard_pipelines.stages.{stage}" for stage in _OURS), *_OTHERS):
    importlib.import_module(name)
