"""NannyML's CBPE on a file of scores, or its DLE on one of prices; runs in a separate environment that has only NannyML's packages."""

import json
import sys
from typing import Any

import nannyml  # type: ignore[import-not-found]
import pandas as pd

SCORE_METRICS = ("roc_auc", "accuracy", "precision", "recall", "f1")
LOSSES = ("mae", "rmse", "mape")


def _cbpe(chunk_size: int) -> tuple[Any, tuple[str, ...]]:
    model = nannyml.CBPE(
        y_pred_proba="y_proba",
        y_pred="y_pred",
        y_true="y_true",
        problem_type="classification_binary",
        metrics=list(SCORE_METRICS),
        chunk_size=chunk_size,
    )
    return model, SCORE_METRICS


def _dle(chunk_size: int, features: list[str]) -> tuple[Any, tuple[str, ...]]:
    model = nannyml.DLE(
        feature_column_names=features,
        y_pred="y_pred",
        y_true="y_true",
        metrics=list(LOSSES),
        chunk_size=chunk_size,
    )
    return model, LOSSES


def main() -> None:
    """Print NannyML's estimates of all metrics as JSON, by chunk after the reference."""
    frame = pd.read_csv(sys.argv[1])
    reference, rest = frame[frame.chunk == 0], frame[frame.chunk > 0]
    size = len(rest) // rest.chunk.nunique()
    features = [name for name in frame.columns if name not in ("y_pred", "y_true", "chunk")]
    estimator, metrics = _dle(size, features) if sys.argv[2:] == ["dle"] else _cbpe(size)
    estimator.fit(reference)
    estimates = estimator.estimate(rest.drop(columns="y_true")).filter(period="analysis").to_df()
    chunks = [{name: float(row[(name, "value")]) for name in metrics} for _, row in estimates.iterrows()]
    sys.stdout.write(json.dumps({"nannyml": nannyml.__version__, "estimates": chunks}) + "\n")


if __name__ == "__main__":
    main()
