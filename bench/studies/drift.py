"""False alarms, power and outliers of the drift verdicts, on samples whose truth is known.

Prints the tables of docs/drift.md: `python -m bench.studies.drift`, or `--quick` for a run of seconds. The verdicts are computed
by `ml.monitoring.verdicts`.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from ml.monitoring.distances.jensen_shannon import jensen_shannon_of_counts
from ml.monitoring.distances.psi import psi_of_counts
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile, TableProfile
from ml.monitoring.verdicts.judge import judge
from ml.monitoring.verdicts.report import DriftReport
from ml.monitoring.verdicts.significance import homogeneity_p_value

SEED = 20130310
SHIFT = 0.5  # standard deviations
OUTLIER = 1e9
DAYS_A_REFERENCE = 10
CURRENT_ROWS = (30, 50, 100, 200, 500, 1000, 10_000)
REFERENCE_ROWS = (1000, 5000, 50_000)
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Feature:
    """A numeric feature: how to draw samples, and its standard deviation."""

    draw: Callable[[np.random.Generator, int], Values]
    deviation: float


def _lognormal_deviation(sigma: float) -> float:
    return math.sqrt((math.exp(sigma**2) - 1) * math.exp(sigma**2))


NUMERIC: Mapping[str, Feature] = {
    **{f"normal_{i}": Feature(lambda rng, n: rng.normal(size=n), 1.0) for i in range(4)},
    "lognormal_half": Feature(lambda rng, n: rng.lognormal(0, 0.5, n), _lognormal_deviation(0.5)),
    "lognormal": Feature(lambda rng, n: rng.lognormal(0, 1, n), _lognormal_deviation(1.0)),
    "uniform": Feature(lambda rng, n: rng.uniform(size=n), 12**-0.5),
    "exponential": Feature(lambda rng, n: rng.exponential(size=n), 1.0),
    "hours": Feature(lambda rng, n: rng.integers(0, 24, n).astype(np.float64), math.sqrt((24**2 - 1) / 12)),
    "dice": Feature(lambda rng, n: rng.integers(1, 7, n).astype(np.float64), math.sqrt(35 / 12)),
    "wide_integers": Feature(lambda rng, n: rng.integers(0, 1000, n).astype(np.float64), math.sqrt((1000**2 - 1) / 12)),
    "counts": Feature(lambda rng, n: rng.poisson(2.0, n).astype(np.float64), math.sqrt(2.0)),
    "mostly_zero": Feature(
        lambda rng, n: np.where(rng.random(n) < 0.7, 0.0, rng.exponential(size=n)), math.sqrt(0.6 - 0.09)
    ),
    "rounded_normal": Feature(lambda rng, n: np.round(rng.normal(size=n), 1), 1.0),
}
CATEGORICAL: Mapping[str, NDArray[np.float64]] = {
    "binary": np.array([0.5, 0.5]),
    "rare_binary": np.array([0.97, 0.03]),
    "five": np.full(5, 0.2),
    "zipf_20": 1 / np.arange(1, 21) / (1 / np.arange(1, 21)).sum(),
    "uniform_50": np.full(50, 0.02),
    "zipf_200": 1 / np.arange(1, 201) / (1 / np.arange(1, 201)).sum(),
}


def table(
    rng: np.random.Generator, rows: int, shifted: frozenset[str] = frozenset(), outlier: float | None = None
) -> TableProfile:
    """Draw a sample of all twenty features, and return its profile.

    Parameters
    ----------
    shifted : numeric features to move up by half a standard deviation.
    outlier : value that replaces the first row of every numeric feature.
    """
    columns: dict[str, ColumnProfile] = {}
    for name, feature in NUMERIC.items():
        values = feature.draw(rng, rows) + (SHIFT * feature.deviation if name in shifted else 0.0)
        if outlier is not None:
            values[0] = outlier
        columns[f"feature_{name}"] = NumericProfile.from_values(values)
    for name, shares in CATEGORICAL.items():
        drawn = rng.multinomial(rows, shares)
        # The order of the names differs from that of the shares, as in real data.
        labels = np.char.add("v", ((np.arange(shares.size) * 37) % 211).astype(str))
        counts = dict(
            sorted(zip(labels.tolist(), drawn.tolist(), strict=True), key=lambda entry: (-entry[1], entry[0]))
        )
        columns[f"feature_{name}"] = CategoricalProfile(
            rows, 0, {label: count for label, count in counts.items() if count}
        )
    return TableProfile(rows, columns)


@dataclass(frozen=True, slots=True)
class Cell:
    """Outcome of one pair of sample sizes.

    Attributes
    ----------
    days : model-days drawn.
    alarms : days with a drift or a warning in any column.
    drifts : days with a drift.
    judged : share of columns that got a verdict (not insufficient_data).
    over_fixed : days with a PSI above 0.1 in any numeric column, which a fixed threshold would report.
    """

    n: int
    m: int
    days: int
    alarms: int
    drifts: int
    judged: float
    over_fixed: int


def false_alarms(rng: np.random.Generator, n: int, m: int, days: int) -> Cell:
    """Count the alarms on model-days without any change; ten days share a reference."""
    alarms = drifts = judged = over_fixed = 0
    for day in range(days):
        if day % DAYS_A_REFERENCE == 0:
            reference = table(rng, m)
        report = _report(table(rng, n), reference)
        summary = report.summary
        alarms += summary["drift"] + summary["warning"] > 0
        drifts += summary["drift"] > 0
        judged += summary["stable"] + summary["warning"] + summary["drift"]
        over_fixed += any((v.statistics["psi"] or 0) > 0.1 for v in report.columns if v.kind == "numeric")
    return Cell(n, m, days, alarms, drifts, judged / (days * (len(NUMERIC) + len(CATEGORICAL))), over_fixed)


def detection_rate(
    rng: np.random.Generator,
    n: int,
    m: int,
    days: int,
    shifted: frozenset[str],
    outliers: tuple[float | None, float | None] = (None, None),
) -> float:
    """Return the share of shifted features that are called drift, over all days; ten days share a reference.

    Parameters
    ----------
    outliers : outlier in the current sample, and in the reference.
    """
    detections = 0
    for day in range(days):
        if day % DAYS_A_REFERENCE == 0:
            reference = table(rng, m, outlier=outliers[1])
        report = _report(table(rng, n, shifted, outliers[0]), reference)
        detections += len({f"feature_{name}" for name in shifted} & set(report.columns_in("drift")))
    return detections / (days * len(shifted))


def _report(current: TableProfile, reference: TableProfile) -> DriftReport:
    """Evaluate one day, without earlier days in the window."""
    return judge(lambda _: [current], reference)


def tail_ratios(rng: np.random.Generator, n: int, m: int, bins: int, draws: int, level: float) -> tuple[float, ...]:
    """Divide the rejection rate of each null distribution by its level: Pearson's as used, the χ² laws of PSI and Jensen-Shannon."""
    rejections = np.zeros(3)
    scale = 1 / n + 1 / m
    for _ in range(draws):
        reference = np.full(bins, m / bins)
        current = rng.multinomial(n, rng.dirichlet(reference)).astype(np.float64)
        psi = psi_of_counts(reference, current) / scale
        divergence = 8 * math.log(2) * jensen_shannon_of_counts(reference, current) ** 2 / scale
        p_values = (
            homogeneity_p_value(reference, current, quantile_bins=True),
            gammaincc((bins - 1) / 2, psi / 2),
            gammaincc((bins - 1) / 2, divergence / 2),
        )
        rejections += np.array(p_values) <= level
    return tuple((rejections / draws / level).tolist())


def alarm_table(rng: np.random.Generator, days: int) -> Iterator[str]:
    """Yield the table of false alarms by sample sizes."""
    yield "| n | m | model-days | alarms (drift or warning) | drift | columns judged | days over a fixed PSI of 0.1 |"
    yield "|---|---|---|---|---|---|---|"
    total_days = alarms = 0
    for m in REFERENCE_ROWS:
        for n in CURRENT_ROWS:
            cell = false_alarms(rng, n, m, days)
            total_days, alarms = total_days + cell.days, alarms + cell.alarms
            yield (
                f"| {n:,} | {m:,} | {cell.days:,} | {cell.alarms / cell.days:.2%} | {cell.drifts / cell.days:.2%} "
                f"| {cell.judged:.0%} | {cell.over_fixed / cell.days:.0%} |"
            )
    yield f"| all | all | {total_days:,} | {alarms / total_days:.2%} | | | |"


def power_table(rng: np.random.Generator, days: int) -> Iterator[str]:
    """Yield the table of detected shifts by sample sizes, in one feature and in all."""
    yield "| shift of 0.5 σ | n | m | shifted features called drift |\n|---|---|---|---|"
    for m in (1000, 50_000):
        for n in (100, 200, 500):
            normal = detection_rate(rng, n, m, 2 * days, frozenset(["normal_0"]))
            each = np.mean([detection_rate(rng, n, m, max(days // 10, 1), frozenset([name])) for name in NUMERIC])
            together = detection_rate(rng, n, m, max(days // 4, 1), frozenset(NUMERIC))
            yield f"| in 1 of 20, normal | {n} | {m:,} | {normal:.1%} |"
            yield f"| in 1 of 20, each numeric one in turn | {n} | {m:,} | {each:.1%} |"
            yield f"| in all 14 numeric | {n} | {m:,} | {together:.1%} |"


def outlier_table(rng: np.random.Generator, days: int) -> Iterator[str]:
    """Yield the table of detected shifts in the presence of one outlier in each column."""
    yield "| one outlier of 1e9 in 5,000 rows | shifted features called drift |\n|---|---|"
    for where, outliers in (
        ("in neither sample", (None, None)),
        ("in the current one", (OUTLIER, None)),
        ("in the reference", (None, OUTLIER)),
        ("in both", (OUTLIER, OUTLIER)),
    ):
        yield f"| {where} | {detection_rate(rng, 5000, 5000, days, frozenset(NUMERIC), outliers):.1%} |"


def tail_table(rng: np.random.Generator, draws: int) -> Iterator[str]:
    """Yield the table of rejection rates at 0.001, divided by 0.001, by null distribution."""
    yield "| bins | n | m | Pearson X², as judged | χ² law of PSI | χ² law of JS² |\n|---|---|---|---|---|---|"
    for bins in (5, 10, 20):
        for n in (30, 50, 100, 200, 1000):
            ratios = tail_ratios(rng, n, 1000, bins, draws, 0.001)
            yield f"| {bins} | {n:,} | 1,000 | {' | '.join(f'{ratio:.1f}' for ratio in ratios)} |"


def main() -> None:
    """Run the study and print its tables."""
    parser = argparse.ArgumentParser(description="False alarms and power of the drift verdicts.")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the draws: seconds instead of minutes")
    part = 20 if parser.parse_args().quick else 1
    rng, started = np.random.default_rng(SEED), time.process_time()
    for rows in (
        alarm_table(rng, 400 // part),
        power_table(rng, 100 // part),
        outlier_table(rng, max(20 // part, 2)),
        tail_table(rng, 10_000 // part),
    ):
        for row in rows:
            print(row, flush=True)
        print()
    print(f"{time.process_time() - started:.0f} CPU seconds, seed {SEED}")


if __name__ == "__main__":
    main()
