"""The signature of a model: its features, classes and threshold, and the encoding of rows.

Checking and encoding rows and interpreting scores belong here; models do not.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from ml.monitoring.performance.labels import as_numbers, is_number, label_key
from ml.monitoring.performance.tasks import Target, Task, is_numeric
from ml.retraining.predictor.errors import CorruptModelError

FeatureKind = Literal["numeric", "categorical", "boolean"]
Label = str | int | float | bool
_KINDS = ("numeric", "categorical", "boolean")
_TASKS = get_args(Task)
_REQUIREMENTS = {"numeric": "must be a number", "categorical": "must be a string", "boolean": "must be true or false"}
MAX_NUMBER = 3.4028235e38
"""The largest magnitude of a feature: ONNX models compute with float32, in which larger numbers are infinite."""
_OUT_OF_RANGE = f"must be a finite number from {-MAX_NUMBER} to {MAX_NUMBER} (float32)"
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,15})")


@dataclass(frozen=True)
class FeatureSpec:
    """One feature.

    Attributes
    ----------
    typical : median of numbers, or most frequent other value.
    codes : of a category, the numbers of each value, read from the fitted encoder of the model.
    unseen : of a category, the numbers of any other value.
    """

    name: str
    kind: FeatureKind
    nullable: bool = True
    typical: float | str | bool | None = None
    codes: Mapping[str, Sequence[float]] | None = field(default=None, repr=False)
    unseen: Sequence[float] = ()

    def problem(self, value: object) -> str | None:
        """Describe what is wrong with a value; return None if it is valid."""
        if value is None:
            return None if self.nullable else "must not be null"
        if self.kind == "boolean":
            return None if isinstance(value, bool) else _REQUIREMENTS["boolean"]
        if self.kind == "categorical":
            return None if isinstance(value, str) else _REQUIREMENTS["categorical"]
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return _REQUIREMENTS["numeric"]
        return None if -MAX_NUMBER <= as_float(value) <= MAX_NUMBER else _OUT_OF_RANGE


@dataclass(frozen=True)
class FieldProblem:
    """An invalid, missing or unknown feature of a row, with the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class ModelSchema:
    """Inputs and outputs of a model.

    Attributes
    ----------
    classes : labels in their most frequent spelling, in the order of the probabilities; grades ascending; none of a regression.
    guessed : what of its target the training has guessed (`ml.monitoring.performance.tasks.Target`).
    """

    task: Task
    features: tuple[FeatureSpec, ...]
    classes: tuple[str, ...] = ()
    positive_label: str | None = None
    threshold: float = 0.5
    guessed: tuple[str, ...] = ()

    @property
    def target(self) -> Target:
        """What the model predicts."""
        return Target(self.task, self.positive_label, self.guessed)

    @property
    def is_numeric(self) -> bool:
        """Whether the model itself computes a number: that of a regression, or one that is rounded to a grade."""
        return is_numeric(self.task)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of all features."""
        return frozenset(feature.name for feature in self.features)

    @cached_property
    def _expected_types(self) -> tuple[tuple[FeatureSpec, str, type], ...]:
        types = {"numeric": float, "categorical": str, "boolean": bool}
        return tuple((spec, spec.name, types[spec.kind]) for spec in self.features)

    @cached_property
    def categorical(self) -> tuple[FeatureSpec, ...]:
        """Features that are encoded, in the order of their columns."""
        return tuple(f for f in self.features if f.kind == "categorical")

    @cached_property
    def plain(self) -> tuple[FeatureSpec, ...]:
        """Numbers and booleans: they follow the categories without encoding."""
        return tuple(f for f in self.features if f.kind != "categorical")

    @property
    def is_encoded(self) -> bool:
        """Whether the schema has the codes of all categories, which `encode` needs."""
        return all(f.codes is not None for f in self.categorical)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Columns of each feature in the encoded matrix: those of categories, then one for each other feature."""
        return (*(len(f.unseen) for f in self.categorical), *(1 for _ in self.plain))

    @cached_property
    def width(self) -> int:
        """Columns of the encoded matrix."""
        return sum(self.widths)

    def check_row(self, features: Mapping[str, object]) -> list[FieldProblem]:
        """Return the missing, unknown and mistyped features of a row; empty if the row is valid.

        Examples
        --------
        >>> schema = ModelSchema("regression", (FeatureSpec("age", "numeric"), FeatureSpec("plan", "categorical")))
        >>> [problem.name for problem in schema.check_row({"age": "old", "size": 1})]
        ['age', 'plan', 'size']
        """
        problems = []
        for spec, name, expected_type in self._expected_types:
            value = features.get(name)
            # A fast path for nearly all values: this runs for each feature of each prediction.
            if type(value) is expected_type and (expected_type is not float or -MAX_NUMBER <= value <= MAX_NUMBER):  # type: ignore[operator]
                continue
            reason = spec.problem(features[spec.name]) if spec.name in features else "is missing"
            if reason:
                problems.append(FieldProblem(spec.name, reason))
        if len(features) > len(self.features) - len(problems):
            extra = (name for name in features if name not in self.names)
            problems += [FieldProblem(name, "is not a feature of this model") for name in extra]
        return problems

    def encode(self, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.float32]:
        """Encode rows that `check_row` accepts as the matrix that the model behind its encoder reads: (n, width)."""
        values = [self._encoded(row) for row in rows]
        return np.array(values, dtype=np.float32).reshape(len(rows), self.width)

    def _encoded(self, row: Mapping[str, Any]) -> list[float]:
        encoded: list[float] = []
        for spec in self.categorical:
            value = row[spec.name]
            encoded += (spec.codes or {}).get("" if value is None else value, spec.unseen)
        return encoded + [as_float(row[spec.name]) for spec in self.plain]

    def answers(self, scores: NDArray[np.floating]) -> tuple[list[Label], list[float] | None]:
        """Convert class probabilities (one row each) or numbers to predictions and their probabilities.

        The probability is that of the positive class for a binary model, and that of the predicted class for a multiclass one.
        """
        if self.task == "ordinal":
            return [self._labels[place] for place in self._nearest_grades(scores).tolist()], None
        if self.is_numeric:
            return self.numbers(scores).tolist(), None
        if self.task == "binary":  # without arrays: most calls have one row
            index = self.positive_place
            positive: list[float] = scores[:, index].tolist()
            labels = self._labels[1 - index], self._labels[index]
            return [labels[proba >= self.threshold] for proba in positive], positive
        return [self._labels[place] for place in self.decided(scores).tolist()], scores.max(axis=1).tolist()

    def numbers(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the predicted numbers of a regression, or grades, for the scores of its model: (n,)."""
        if self.task == "ordinal":
            return self._grades[self._nearest_grades(scores)]
        return scores.reshape(-1).astype(np.float64)

    def _nearest_grades(self, scores: NDArray[np.floating]) -> NDArray[np.intp]:
        nearest: NDArray[np.intp] = np.abs(scores.reshape(-1, 1) - self._grades).argmin(axis=1)
        return nearest

    @cached_property
    def _grades(self) -> NDArray[np.float64]:
        return as_numbers(np.array(self.classes, dtype=object))

    def decided(self, scores: NDArray[np.floating]) -> NDArray[np.intp]:
        """Return the index of the predicted class in `classes` for a classifier's scores: (n,)."""
        if self.task == "multiclass":
            return np.asarray(scores.argmax(axis=1))
        return np.where(scores[:, self.positive_place] >= self.threshold, self.positive_place, 1 - self.positive_place)

    def has_answers_for(self, target: Target) -> bool:
        """Return whether the deciding metric of a target can be computed from the answers of this model.

        Examples
        --------
        >>> pair = ModelSchema("multiclass", (), ("cat", "dog"))
        >>> pair.has_answers_for(Target("binary", "Dog")), pair.has_answers_for(Target("regression"))
        (True, False)
        """
        if is_numeric(target.task):
            return self.is_numeric or all(is_number(label_key(label) or "") for label in self.classes)
        if target.task == "multiclass":
            return self.task != "regression"
        return not self.is_numeric and label_key(target.positive) in map(label_key, self.classes)

    def probabilities(self, scores: NDArray[np.floating], target: Target) -> NDArray[np.float64] | None:
        """Return the probabilities that a model of a target gives: those of its positive label, else of the predicted class.

        None if the model or the target is numeric.
        """
        if self.is_numeric or is_numeric(target.task):
            return None
        if target.task == "multiclass":
            return scores[np.arange(len(scores)), self.decided(scores)].astype(np.float64)
        return scores[:, [label_key(label) for label in self.classes].index(label_key(target.positive))].astype(
            np.float64
        )

    @cached_property
    def positive_place(self) -> int:
        """Place of the positive label in `classes`."""
        return self.classes.index(self.positive_label or self.classes[1])

    @cached_property
    def _labels(self) -> tuple[Label, ...]:
        return tuple(map(label_of, self.classes))

    def to_json(self) -> str:
        """Return the schema as JSON text."""
        return json.dumps(asdict(self), indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Create a schema from its JSON text.

        Raises
        ------
        CorruptModelError
            If the text is not a schema.
        """
        try:
            data = json.loads(text)
            features = tuple(FeatureSpec(**fields) for fields in data.pop("features"))
            guessed = tuple(data.pop("guessed", ()))
            schema = cls(features=features, classes=tuple(data.pop("classes")), guessed=guessed, **data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CorruptModelError(f"schema.json is not a model's schema: {error}") from error
        if not features or schema.task not in _TASKS or any(f.kind not in _KINDS for f in features):
            raise CorruptModelError("schema.json has no features, or names a task or a kind that does not exist")
        if schema.task != "regression" and len(schema.classes) < 2:
            raise CorruptModelError("schema.json of a classifier needs at least two classes")
        if schema.positive_label is not None and schema.positive_label not in schema.classes:
            raise CorruptModelError("schema.json has a positive label that is not one of its classes")
        return schema


def label_of(text: str) -> Label:
    """Return a class as in responses: whole numbers and booleans as such, all others as text.

    >>> label_of("1"), label_of("true"), label_of("01"), label_of("late")
    (1, True, '01', 'late')
    """
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _NUMBER.fullmatch(text) else text


def as_float(value: Any) -> float:
    """Convert a number to float: null to NaN, an integer beyond float64 to infinity."""
    try:
        return math.nan if value is None else float(value)
    except OverflowError:
        return math.inf
