"""The models that compete: unfitted scikit-learn pipelines that read a data frame of raw features."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from guard_core.project_settings.training import TrainingSpec
from ml.retraining.predictor.schema import ModelSchema
from ml.retraining.training.spec import TrainingError

_SMOOTHING = 20.0  # rows by which a rare category's mean is drawn to the mean of all


def candidates(schema: ModelSchema, spec: TrainingSpec, seed: int) -> Mapping[str, Callable[[], Any]]:
    """Makers of unfitted pipelines, by name.

    Raises
    ------
    TrainingError
        If the builder of one's own cannot be imported.
    """
    if spec.builder is not None:
        build = _imported(spec.builder)
        return {spec.builder: lambda: build(schema)}
    found: dict[str, Callable[[], Any]] = {}
    if "gradient_boosting" in spec.algorithms:
        found["gradient_boosting"] = lambda: _pipeline(schema, seed, _boosting(schema, seed, leaves=31, rate=0.1))
        found["gradient_boosting_small"] = lambda: _pipeline(schema, seed, _boosting(schema, seed, leaves=8, rate=0.06))
    if "linear" in spec.algorithms:
        found["linear"] = lambda: _pipeline(schema, seed, _linear(schema))
    return found


def _imported(builder: str) -> Callable[[ModelSchema], Any]:
    module, _, function = builder.partition(":")
    try:
        build: Callable[[ModelSchema], Any] = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise TrainingError(f"training.builder {builder!r} cannot be imported: {error}") from error
    return build


def _pipeline(schema: ModelSchema, seed: int, model: Any) -> Any:
    """Categories become the mean of the target, learned by cross-fitting within the rows that the pipeline is fitted on."""
    from sklearn.compose import ColumnTransformer
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import TargetEncoder

    kind = {"binary": "binary", "multiclass": "multiclass", "regression": "continuous"}[schema.task]
    parts: list[tuple[str, Any, list[str]]] = []
    if schema.categorical:
        folds = (KFold if schema.task == "regression" else StratifiedKFold)(5, shuffle=True, random_state=seed)
        encoder = TargetEncoder(smooth=_SMOOTHING, target_type=kind, cv=folds)
        parts.append(("categories", encoder, [f.name for f in schema.categorical]))
    if schema.plain:
        parts.append(("plain", "passthrough", [f.name for f in schema.plain]))
    return Pipeline([("encode", ColumnTransformer(parts)), ("model", model)])


def _boosting(schema: ModelSchema, seed: int, *, leaves: int, rate: float) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if schema.task == "regression" else HistGradientBoostingClassifier
    return kind(
        max_iter=100,
        learning_rate=rate,
        max_leaf_nodes=leaves,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )


def _linear(schema: ModelSchema) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = Ridge() if schema.task == "regression" else LogisticRegression(max_iter=1000)
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), model)
