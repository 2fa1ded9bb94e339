"""Generated prices whose mix drifts, and a model whose error depends on more than its prediction.

The generator belongs here; `bench.dle` compares estimates of its error with NannyML's, `bench.studies.estimate` counts how often
their bands hold.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

QUALITIES = ("fair", "good", "very good", "premium", "ideal")
REGIONS = ("north", "south", "coast", "abroad")
FEATURES = ("carat", "quality", "region", "age")
_EFFECTS = np.array([-0.3, -0.1, 0.0, 0.1, 0.2])
_PREMIUMS = np.array([0.0, 0.05, -0.1, 0.35])
_NOISE = np.array([0.05, 0.08, 0.15, 0.25])


@dataclass(frozen=True, slots=True)
class Market:
    """Prices of stones by day, and the predictions of a model that reads weight and quality alone.

    Attributes
    ----------
    drift : share of the way to other regions and weights that the mix has gone on the last day.
    day_spread : standard deviation between days of the logarithm of all prices.
    """

    drift: float = 0.0
    day_spread: float = 0.0

    def rows(self, rng: np.random.Generator, n: int, progress: float = 0.0) -> pd.DataFrame:
        """Draw a day: features, `y_pred` and `y_true`; progress is 0 in the reference and 1 on the last day."""
        share = self.drift * progress
        mix = (1 - share) * np.array([0.5, 0.3, 0.15, 0.05]) + share * np.array([0.1, 0.2, 0.3, 0.4])
        quality, region = rng.integers(len(QUALITIES), size=n), rng.choice(len(REGIONS), n, p=mix)
        log_carat = rng.normal(-0.3 + 0.3 * share, 0.5, n)
        age = rng.gamma(2 + 2 * share, 5, n)
        log_price = 8 + 1.7 * log_carat + _EFFECTS[quality]
        noise = _NOISE[region] * (1 + age / 20) * rng.normal(size=n) + self.day_spread * rng.normal()
        return pd.DataFrame(
            {
                "carat": np.exp(log_carat).round(2),
                "quality": np.array(QUALITIES)[quality],
                "region": np.array(REGIONS)[region],
                "age": np.where(rng.random(n) < 0.1, np.nan, age.round(1)),
                "y_pred": np.exp(log_price).round(),
                "y_true": np.exp(log_price + _PREMIUMS[region] + noise).round(),
            }
        )


def features_of(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the features of rows by name."""
    return {name: rows[name].to_numpy(dtype=object if rows[name].dtype == "str" else float) for name in FEATURES}
