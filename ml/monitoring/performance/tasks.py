"""The task of a model and its positive label: as set by the project, else guessed from labels and predictions.

The one place that decides between numbers and classes; the metrics of a task do not belong here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from guard_core.project_settings.labels import LabelSettings
from ml.monitoring.performance.labels import frequent_labels, is_number, label_key, spellings

Task = Literal["binary", "multiclass", "ordinal", "regression"]
_KNOWN_PAIRS: Mapping[frozenset[str], str] = {
    frozenset(pair): pair[1]
    for pair in (
        ("0", "1"),
        ("-1", "1"),
        ("n", "y"),
        ("f", "t"),
        ("negative", "positive"),
        ("ham", "spam"),
        ("absent", "present"),
    )
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a model predicts.

    Attributes
    ----------
    task : binary, multiclass, ordinal or regression.
    positive : the positive label of a binary task in its most frequent spelling, else None.
    guessed : names of the label settings that were not set, and are guessed: "task", "positive".
    """

    task: Task
    positive: str | None = None
    guessed: tuple[str, ...] = ()


def is_numeric(task: Task) -> bool:
    """Return whether labels of a task are numbers, whose errors have a size."""
    return task in {"ordinal", "regression"}


def positive_of_pair(labels: Collection[str]) -> str | None:
    """Return the positive label of a known pair of keys, also if only one of them occurs and identifies it.

    Examples
    --------
    >>> positive_of_pair(["0", "1"]), positive_of_pair(["y"]), positive_of_pair(["churned", "stayed"])
    ('1', 'y', None)
    """
    present = frozenset(labels)
    candidates = {positive for pair, positive in _KNOWN_PAIRS.items() if present and present <= pair}
    return candidates.pop() if len(candidates) == 1 else None


def guess_positive(labels: Collection[str]) -> str | None:
    """Guess the positive one of two keys; None if there are not two, and the only one is of no known pair.

    That of a known pair; of two numbers the larger; else the first in the alphabet.

    Examples
    --------
    >>> guess_positive(["1", "2"]), guess_positive(["stayed", "churned"]), guess_positive(["a", "b", "c"])
    ('2', 'churned', None)
    """
    known = positive_of_pair(labels)
    if known is not None or len(set(labels)) != 2:
        return known
    return max(labels, key=float) if all(map(is_number, labels)) else min(labels)


def target_of(settings: LabelSettings, kinds: Collection[str | None], counts: Mapping[str, int]) -> Target:
    """Return what a model predicts.

    Parameters
    ----------
    settings : what the project sets; the rest is guessed.
    kinds : kinds of the labels and of the predictions (`ml.monitoring.kinds.learn_prediction_kind`), None if unknown.
    counts : rows by spelling of a label, predicted or true.

    Examples
    --------
    >>> target_of(LabelSettings(), ["categorical"], {"1": 70, "2": 30})
    Target(task='binary', positive='2', guessed=('task', 'positive'))
    >>> target_of(LabelSettings(positive="Stayed"), ["categorical"], {"churned": 50, "stayed": 50})
    Target(task='binary', positive='stayed', guessed=('task',))
    >>> target_of(LabelSettings(), ["numeric"], {}).task, target_of(LabelSettings(task="ordinal"), [], {}).task
    ('regression', 'ordinal')
    """
    labels, texts = frequent_labels(counts), spellings(counts)
    positive, task = label_key(settings.positive), settings.task
    guessed: tuple[str, ...] = () if task else ("task",)
    if task is None:
        numbers = positive is None and "numeric" in kinds and all(map(is_number, labels))
        task = "regression" if numbers else "classification"
    if task != "classification":
        return Target(task, None, guessed)
    if positive is None:
        positive, guessed = guess_positive(labels), (*guessed, "positive")
    if positive is None or len(labels) > 2:
        return Target("multiclass", None, tuple(name for name in guessed if name == "task"))
    return Target("binary", texts.get(positive, str(settings.positive)), guessed)
