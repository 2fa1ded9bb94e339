"""The January model that nobody replaced against the guarded champion, on the same flights; counted from the lake.

The champion's answers are read as any other reader of the lake would; the January model is asked here.
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
    """Probability and version of every prediction in the lake, by event id."""
    table = DeltaTable(f"{lake}/{project_id}/{MODEL_ID}").to_pyarrow_dataset()
    found: pd.DataFrame = table.to_table(columns=["event_id", "y_proba", "model_version"]).to_pandas()
    return found.set_index("event_id")


def first_model_answers(mlflow: str, version: str, project_id: str, steps: Sequence[Step], scratch: Path) -> pd.Series:
    """What the first version says about every flight of these steps, by event id."""
    from ml.retraining.predictor.load import load_predictor

    folder = Registry(mlflow).download(project_id, MODEL_ID, version, scratch)
    predictor = load_predictor(folder)
    answers: dict[str, float] = {}
    for step in steps:
        asked = instances(step.departures)
        _, probabilities = predictor.predict([row["features"] for row in asked])
        answers |= dict(zip((row["event_id"] for row in asked), probabilities or [], strict=True))
    return pd.Series(answers)


def scored(step: Step, first: pd.Series, stored: pd.DataFrame) -> pd.DataFrame:
    """Flights of a step that landed: `late`, `day`, and the probabilities `static` and `guarded`."""
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
    """ROC AUC of both on one month's flights, and of the difference, each with its 95 % interval."""
    return _summed_up([_draws(table)])


def season_of(tables: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """The mean over months of the same."""
    return _summed_up([_draws(table) for table in tables])


def _summed_up(months: Sequence[Mapping[str, Floats]]) -> dict[str, Any]:
    static, guarded = (np.mean([month[name] for month in months], axis=0) for name in ("static", "guarded"))
    return {"static": _told(static), "guarded": _told(guarded), "difference": _told(guarded - static)}


def _told(draws: Floats) -> dict[str, float]:
    """The first draw is the sample itself."""
    low, high = np.quantile(draws[1:], [0.025, 0.975])
    return {"value": round(float(draws[0]), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _draws(table: pd.DataFrame) -> dict[str, Floats]:
    """ROC AUCs of both on the flights and on resamples of whole days: flights of one day share their weather."""
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
