"""Models of a custom builder: whether they can be fitted, stored and served is found out on a few rows, before the training.

Own candidates do not belong here; they are in `candidates`.
"""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.retraining.predictor.errors import briefly
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.predictor.schema import ModelSchema
from ml.retraining.predictor.trust import Trust
from ml.retraining.training.trained import TrainingError

_TRIAL_ROWS = 1_000


def import_builder(builder: str) -> Callable[[ModelSchema], Any]:
    """Import the function of a `module:function`.

    Raises
    ------
    TrainingError
        If there is no such function, or its module cannot be imported.
    """
    module, _, function = builder.partition(":")
    try:
        build: Callable[[ModelSchema], Any] = getattr(importlib.import_module(module), function)
    except Exception as error:  # importing runs the operator's own code
        raise TrainingError(f"training.builder {builder!r} cannot be imported: {briefly(error)}") from error
    return build


def try_builder(
    name: str, build: Callable[[], Any], frame: Any, target: npt.NDArray[Any], schema: ModelSchema, trust: Trust
) -> None:
    """Fit a custom model to a few rows, and require that it can be served and stored.

    Parameters
    ----------
    frame, target : (n,) rows and their labels; of each class, the newest rows are tried.

    Raises
    ------
    TrainingError
        If it cannot be built, fitted or asked.
    SchemaMismatchError, UnsafeModelError
        If its classes or features differ from the schema, or it holds types that are not trusted.
    """
    rows = _few_rows(target, schema)
    try:
        model = build().fit(frame.iloc[rows], target[rows])
    except Exception as error:  # what the operator's own code raises
        reason = f"{type(error).__name__}: {briefly(error)}"
        raise TrainingError(f"training.builder {name!r} fails on {len(rows):,} rows: {reason}") from error
    NativePredictor(model, schema)
    trust.types_of(model)


def _few_rows(target: npt.NDArray[Any], schema: ModelSchema) -> npt.NDArray[np.intp]:
    if schema.is_numeric:
        return np.arange(len(target))[-_TRIAL_ROWS:]
    share = -(-_TRIAL_ROWS // len(schema.classes))
    return np.sort(np.concatenate([np.flatnonzero(target == label)[-share:] for label in schema.classes]))
