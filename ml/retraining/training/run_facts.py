"""What a training's MLflow run and model folder state: parameters, source, signature and metadata.

Creating runs and writing folders do not belong here; they are in `log_run`.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ml.retraining.predictor.schema import ModelSchema, label_of
from ml.retraining.training.trained import Trained

if TYPE_CHECKING:
    from mlflow.entities import Param
    from mlflow.models import ModelSignature

THRESHOLD_REASON = "threshold_reason"
_REFUSED_CHARACTERS = re.compile(r"[^\w.\- :/]", re.ASCII)


def batches_of_params(trained: Trained) -> Iterator[list["Param"]]:
    """Yield the parameters of a training and of its fitted pipeline, as many at a time as MLflow accepts.

    A hyperparameter has scikit-learn's name of it, such as `model__learning_rate`; one that is named as a parameter of the
    training is `model__` and its name.
    """
    from mlflow.entities import Param
    from mlflow.utils.validation import MAX_ENTITY_KEY_LENGTH, MAX_PARAM_VAL_LENGTH, MAX_PARAMS_TAGS_PER_BATCH

    params = _parameters(trained)
    for name, value in hyperparameters(trained.pipeline).items():
        key = _REFUSED_CHARACTERS.sub("_", name)[:MAX_ENTITY_KEY_LENGTH]
        params[f"model__{key}" if key in params else key] = value
    entities = iter([Param(name, str(value)[:MAX_PARAM_VAL_LENGTH]) for name, value in params.items()])
    while batch := list(itertools.islice(entities, MAX_PARAMS_TAGS_PER_BATCH)):
        yield batch


def hyperparameters(pipeline: Any) -> dict[str, Any]:
    """Return the hyperparameters of a pipeline and all of its parts, without the parts themselves.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> hyperparameters(make_pipeline(Ridge(alpha=2.0)))["ridge__alpha"]
    2.0
    """
    params: Mapping[str, Any] = pipeline.get_params(deep=True) if hasattr(pipeline, "get_params") else {}
    return {name: value for name, value in sorted(params.items()) if not _holds_parts(value)}


def source_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a run with those that MLflow itself gives its runs: user, source and, in a checkout, git's commit.

    The commit is that of the script that runs; of this package, if the script is in no checkout.
    """
    from mlflow.tracking.context.registry import resolve_tags
    from mlflow.utils.git_utils import get_git_commit
    from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT

    resolved: dict[str, str] = resolve_tags(dict(tags))
    commit = resolved.get(MLFLOW_GIT_COMMIT) or get_git_commit(__file__)
    return resolved if commit is None else {**resolved, MLFLOW_GIT_COMMIT: commit}


def signature_of(schema: ModelSchema) -> "ModelSignature":
    """Return the signature of a model for MLflow's tools; a classifier's has the parameter `predict_method`.

    Numbers and booleans are of any type: MLflow refuses integers and nulls in a column of type double, and reads a null
    boolean as false. The model itself checks them, as `/predict` does.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    any_type = AnyType()  # type: ignore[no-untyped-call]  # MLflow's
    inputs = Schema(
        [ColSpec(DataType.string if spec.kind == "categorical" else any_type, spec.name) for spec in schema.features]
    )
    kinds = {type(label_of(text)) for text in schema.classes} or {float}
    types = {int: DataType.long, bool: DataType.boolean, str: DataType.string, float: DataType.double}
    outputs = Schema([ColSpec(types[kinds.pop()] if len(kinds) == 1 else any_type)])
    if schema.is_numeric:
        return ModelSignature(inputs, outputs)
    return ModelSignature(inputs, outputs, ParamSchema([ParamSpec("predict_method", DataType.string, "predict")]))


def metadata_of(schema: ModelSchema) -> dict[str, Any]:
    """Return the metadata of a model: its task, its classes in the order of the probabilities, and how it decides."""
    if schema.task == "regression":
        return {"task": schema.task}
    classes = {"task": schema.task, "classes": list(schema.classes)}
    if schema.task != "binary":
        return classes
    return {**classes, "positive": schema.classes[schema.positive_place], "threshold": schema.threshold}


def _holds_parts(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_parts(part) for part in value)
    return hasattr(value, "get_params")


def _parameters(trained: Trained) -> dict[str, Any]:
    params = {
        "algorithm": trained.algorithm,
        "seed": trained.seed,
        "rows": trained.rows,
        "features": len(trained.schema.features),
        "task": trained.schema.task,
        "seconds": round(trained.seconds, 3),
    }
    if trained.schema.task != "binary":
        return params
    return {**params, "threshold": trained.schema.threshold, THRESHOLD_REASON: trained.threshold_reason}
