"""The January model, never replaced, against the guarded champion, on the same flights.

The champion's predictions are read from the lake, like any other reader would; those of the January model are computed here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from deltalake import DeltaTable
from numpy.typing import NDArray

from demo.sending import MODEL_ID, instances
from demo.steps import Step
from guard_store.retraining.registry import Registry
from ml.monitoring.performance.roc_auc import roc_auc

_RESAMPLES = 200
_CHUNK = 40
Floats = NDArray[np.float64]


def stored_answers(lake: str, project_id: str) -> pd.DataFrame:
    """Read probability and model version of every prediction in the lake, by event id."""
    table = DeltaTable(f"{lake}/{project_id}/{MODEL_ID}").to_pyarrow_dataset()
    predictions: pd.DataFrame = table.to_table(columns=["event_id", "y_proba", "model_version"]).to_pandas()
    return predictions.set_index("event_id")


def version_answers(mlflow: str, version: str, project_id: str, steps: Sequence[Step], scratch: Path) -> pd.Series:
    """Compute the probabilities of a version for every flight of the steps, by event id."""
    from ml.retraining.predictor.load import load_predictor

    folder = Registry(mlflow).download(project_id, MODEL_ID, version, scratch)
    predictor = load_predictor(folder)
    answers: dict[str, float] = {}
    for step in steps:
        rows = instances(step.departures)
        _, probabilities = predictor.predict([row["features"] for row in rows])
        answers |= dict(zip((row["event_id"] for row in rows), probabilities or [], strict=True))
    return pd.Series(answers)


def score_flights(step: Step, first: pd.Series, stored: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the flights of a step that landed: `late`, `day`, and the probabilities `static` and `guarded`."""
    landed = step.departures[step.departures["late"].notna()]
    dates = pd.to_datetime(landed[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    return pd.DataFrame(
        {
            "late": landed["late"].astype(bool).to_numpy(),
            "day": dates.to_numpy(),
            "static": first.reindex(landed["event_id"]).to_numpy(),
            "guarded": stored["y_proba"].reindex(landed["event_id"]).to_numpy(),
        }
    )


def month_of(table: pd.DataFrame) -> dict[str, Any]:
    """Compute the ROC AUC of both models on a month's flights and the difference, each with its 95 % interval."""
    return _summarize([_draws(table)])


def season_of(tables: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """Compute the means over several months of what `month_of` computes for one."""
    return _summarize([_draws(table) for table in tables])


def _summarize(months: Sequence[Mapping[str, Floats]]) -> dict[str, Any]:
    static, guarded = (np.mean([month[name] for month in months], axis=0) for name in ("static", "guarded"))
    return {"static": _interval(static), "guarded": _interval(guarded), "difference": _interval(guarded - static)}


def _interval(draws: Floats) -> dict[str, float]:
    """Return the value of the sample, which is the first draw, and the 95 % interval of the resamples."""
    low, high = np.quantile(draws[1:], [0.025, 0.975])
    return {"value": round(float(draws[0]), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _draws(table: pd.DataFrame) -> dict[str, Floats]:
    """Compute both ROC AUCs on the sample and on resamples of whole days, because flights of one day share their weather."""
    days, place = np.unique(table["day"], return_inverse=True)
    rng = np.random.default_rng(2013)
    weights = rng.multinomial(len(days), np.full(len(days), 1 / len(days)), size=_RESAMPLES).astype(float)
    weights = np.concatenate([np.ones((1, len(days))), weights])
    late = table["late"].to_numpy()
    return {
        name: np.concatenate(
            [
                roc_auc(late, table[name].to_numpy(), weights[first : first + _CHUNK, place])
                for first in range(0, len(weights), _CHUNK)
            ]
        )
        for name in ("static", "guarded")
    }
