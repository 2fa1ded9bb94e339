"""The comparison of the January model with the guarded champion: numbers, intervals, steps."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from demo.comparison import month_of, season_of
from demo.steps import steps_of


def table(seed: int, quality: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    late = rng.random(3_000) < 0.25
    day = np.sort(rng.integers(1, 31, 3_000)).astype(str)
    static, guarded = (late * q + rng.normal(size=3_000) for q in (0.5, quality))
    return pd.DataFrame({"late": late, "day": day, "static": static, "guarded": guarded})


def test_values_are_scikit_learns_and_lie_in_their_intervals() -> None:
    month = table(1, 1.0)
    found = month_of(month)
    for name in ("static", "guarded"):
        assert found[name]["value"] == pytest.approx(roc_auc_score(month["late"], month[name]), abs=1e-4)
        assert found[name]["low"] < found[name]["value"] < found[name]["high"]
    assert found["difference"]["low"] > 0


def test_a_season_is_the_mean_of_its_months_with_a_narrower_interval() -> None:
    months = [table(seed, 1.0) for seed in range(3)]
    season, each = season_of(months), [month_of(month) for month in months]
    mean = float(np.mean([one["difference"]["value"] for one in each]))
    assert season["difference"]["value"] == pytest.approx(mean, abs=2e-4)
    width = season["difference"]["high"] - season["difference"]["low"]
    assert all(width < one["difference"]["high"] - one["difference"]["low"] for one in each)


def test_the_year_is_january_and_then_its_months() -> None:
    dates = pd.date_range("2013-01-01", "2013-03-05")
    departures = pd.DataFrame({"year": dates.year, "month": dates.month, "day": dates.day})
    counts = {str(date.date()): 1 for date in dates}
    steps = steps_of(departures, counts)
    assert [(step.name, len(step.departures), step.days[0]) for step in steps] == [
        ("2013-01", 31, "2013-01-01"),
        ("2013-02", 28, "2013-02-01"),
        ("2013-03", 5, "2013-03-01"),
    ]
    short = steps_of(departures.iloc[:21], dict(list(counts.items())[:21]))
    assert [len(step.departures) for step in short] == [14, 7]
