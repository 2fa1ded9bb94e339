"""The candidates of a training: unfitted scikit-learn pipelines that read a data frame of raw features.

Fitting and comparing them does not belong here; it is in `train.py`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from guard_core.project_settings.training import TrainingSpec
from ml.monitoring.performance.labels import MIN_CLASS_ROWS
from ml.retraining.predictor.schema import ModelSchema
from ml.retraining.training.custom import import_builder

_SMOOTHING = 20.0  # rows whose weight shrinks a rare category's mean to the overall mean


def candidates(schema: ModelSchema, spec: TrainingSpec, seed: int) -> Mapping[str, Callable[[], Any]]:
    """Return factories of unfitted pipelines, by name.

    Raises
    ------
    TrainingError
        If the custom builder cannot be imported.
    """
    if spec.builder is not None:
        build = import_builder(spec.builder)
        return {spec.builder: lambda: build(schema)}
    factories: dict[str, Callable[[], Any]] = {}
    if "gradient_boosting" in spec.algorithms:
        factories["gradient_boosting"] = lambda: _pipeline(schema, seed, _boosting(schema, seed, leaves=31, rate=0.1))
        factories["gradient_boosting_small"] = lambda: _pipeline(
            schema, seed, _boosting(schema, seed, leaves=8, rate=0.06)
        )
    if "linear" in spec.algorithms:
        factories["linear"] = lambda: _pipeline(schema, seed, _linear(schema))
    return factories


def _pipeline(schema: ModelSchema, seed: int, model: Any) -> Any:
    """Build a pipeline that encodes categories by the mean of the target, cross-fitted within the rows of the fit."""
    from sklearn.compose import ColumnTransformer
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import TargetEncoder

    parts: list[tuple[str, Any, list[str]]] = []
    if schema.categorical:
        folds = (KFold if schema.is_numeric else StratifiedKFold)(MIN_CLASS_ROWS, shuffle=True, random_state=seed)
        # Classes are counted in each fit: the rows before a fold may have fewer of them than all rows.
        kind = "continuous" if schema.is_numeric else "auto"
        encoder = TargetEncoder(smooth=_SMOOTHING, target_type=kind, cv=folds)
        parts.append(("categories", encoder, [f.name for f in schema.categorical]))
    if schema.plain:
        parts.append(("plain", "passthrough", [f.name for f in schema.plain]))
    return Pipeline([("encode", ColumnTransformer(parts)), ("model", model)])


def _boosting(schema: ModelSchema, seed: int, *, leaves: int, rate: float) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if schema.is_numeric else HistGradientBoostingClassifier
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

    model = Ridge() if schema.is_numeric else LogisticRegression(max_iter=1000)
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), model)
