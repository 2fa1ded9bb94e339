"""What the demo's model says about each departure: a small logistic regression fitted on January, scored offline.

It stands in for a served model; the next capability trains and serves a real one.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from demo.flights import WEATHER

LATE_MINUTES = 15
SEED = 2013

_CATEGORIES = ["carrier", "origin", "dest"]
_NUMBERS = ["distance", "hour", *WEATHER]


def score(departures: pd.DataFrame) -> pd.DataFrame:
    """Columns `y_proba` (probability of arriving over 15 minutes late), `y_pred` (0 or 1) and `latency_ms`.

    Fitted on January's flights that arrived, with what is known before departure only. `y_pred` is 1 above the
    threshold that marks as many January flights late as were. `latency_ms` is simulated: nothing was served.
    """
    january = departures[departures["month"] == 1]
    arrived = january[january["arr_delay"].notna()]
    late = (arrived["arr_delay"] > LATE_MINUTES).to_numpy()
    proba = _late_probability(arrived, late, departures)
    threshold = np.quantile(proba[(departures["month"] == 1).to_numpy()], 1 - late.mean())
    return pd.DataFrame(
        {
            "y_proba": proba,
            "y_pred": (proba > threshold).astype(np.int64),
            "latency_ms": _simulated_latency_ms(len(departures)),
        },
        index=departures.index,
    )


def _late_probability(train: pd.DataFrame, late: NDArray[np.bool_], departures: pd.DataFrame) -> NDArray[np.float64]:
    # Here, because scikit-learn takes seconds to import and tests of everything else do without it.
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    preparation = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), _CATEGORIES),
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), _NUMBERS),
    )
    model = make_pipeline(preparation, LogisticRegression(max_iter=200))
    model.fit(train[_CATEGORIES + _NUMBERS], late)
    proba: NDArray[np.float64] = model.predict_proba(departures[_CATEGORIES + _NUMBERS])[:, 1]
    return proba.round(6)


def _simulated_latency_ms(n: int) -> NDArray[np.float64]:
    return np.random.default_rng(SEED).lognormal(mean=np.log(12.0), sigma=0.35, size=n).round(3)
