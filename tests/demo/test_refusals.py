"""What the promotion rule refused: each version is compared with the champion on the month after its held-out days."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from demo.refusals import refusal_lines, refusals_of
from demo.steps import Step, steps_of


def _year() -> tuple[list[Step], pd.DataFrame]:
    """Return January to March, 60 flights a day, and served probabilities of middling quality."""
    dates = pd.date_range("2013-01-01", "2013-03-31").repeat(60)
    rng = np.random.default_rng(5)
    departures = pd.DataFrame({"year": dates.year, "month": dates.month, "day": dates.day})
    departures["event_id"] = [f"flight-{place}" for place in range(len(departures))]
    departures["late"] = rng.random(len(departures)) < 0.25
    counts = {str(date.date()): 60 for date in dates.unique()}
    stored = pd.DataFrame({"y_proba": _answers(departures, 1.0, 6).to_numpy()}, index=departures["event_id"])
    return steps_of(departures, counts), stored


def _answers(departures: pd.DataFrame, quality: float, seed: int) -> pd.Series:
    noise = np.random.default_rng(seed).normal(size=len(departures))
    return pd.Series(departures["late"].to_numpy() * quality + noise, index=departures["event_id"].to_numpy())


def _version(number: str, held_last_day: str, *, promoted: bool | None = False) -> dict[str, Any]:
    data = None if promoted is None else {"held_last_day": held_last_day}
    return {"version": number, "promoted": promoted, "reasons": [f"reason {number}"], "data": data}


@pytest.mark.parametrize(
    ("quality", "seed", "verdict"), [(0.2, 7, "right"), (2.0, 7, "wrong"), (1.0, 6, "no difference")]
)
def test_a_refusal_is_judged_on_the_month_that_followed(quality: float, seed: int, verdict: str) -> None:
    steps, stored = _year()
    everything = _answers(pd.concat([step.departures for step in steps]), quality, seed)
    (refusal,) = refusals_of([_version("2", "2013-01-31")], steps, stored, lambda *_: everything)
    assert (refusal["version"], refusal["month"], refusal["verdict"]) == ("2", "2013-02", verdict)
    assert refusal["reasons"] == ["reason 2"]
    assert f"version 2: {verdict}; in 2013-02 ROC AUC" in refusal_lines([refusal])


def test_promoted_and_unevaluated_versions_are_no_refusals_and_the_last_month_has_no_verdict() -> None:
    steps, stored = _year()
    versions = [
        _version("10", "2013-03-31"),
        _version("3", "2013-02-15"),
        _version("2", "2013-01-31", promoted=True),
        _version("1", "", promoted=None),
    ]
    refusals = refusals_of(versions, steps, stored, lambda _, step: _answers(step.departures, 0.5, 8))
    assert [(refusal["version"], refusal["month"]) for refusal in refusals] == [("3", "2013-03"), ("10", None)]
    assert refusal_lines(refusals).splitlines()[-1] == "  version 10: no month follows to compare on; reason 10"
