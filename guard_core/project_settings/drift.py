"""How a model's drift is evaluated: methods, thresholds, error rate, windows, exceptions by column.

The methods are listed in `drift_methods`; verdicts are computed in `ml.monitoring.verdicts`.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from guard_core.columns import FEATURE_PREFIX, feature_name
from guard_core.project_settings.drift_methods import (
    DEFAULT_THRESHOLDS,
    MAX_WINDOW_DAYS,
    CategoricalMethod,
    Method,
    NumericMethod,
    Thresholds,
)
from guard_core.project_settings.section import Section, error_at

ENVELOPE_COLUMNS = ("y_pred", "y_proba", "latency_ms")
MAX_BINS = 100
MAX_JUDGED_SLICES = 20

SliceColumn = Literal["endpoint", "model_version", "segment"]

Bins = Annotated[int, Field(ge=2, le=MAX_BINS)]
Rows = Annotated[int, Field(ge=2)]
Effect = Annotated[float, Field(gt=0)]


def _require_ascending(windows: tuple[int, ...]) -> tuple[int, ...]:
    if any(left >= right for left, right in pairwise(windows)):
        raise ValueError(f"must be ascending without repeats, got {list(windows)}")
    return windows


def _require_distinct(columns: tuple[SliceColumn, ...]) -> tuple[SliceColumn, ...]:
    if len(set(columns)) < len(columns):
        raise ValueError(f"must be without repeats, got {list(columns)}")
    return columns


SliceColumns = Annotated[
    tuple[SliceColumn, ...],
    Field(strict=False),  # JSON has lists, which a strict tuple refuses
    AfterValidator(_require_distinct),
]
Windows = Annotated[
    tuple[Annotated[int, Field(ge=1, le=MAX_WINDOW_DAYS)], ...],
    Field(strict=False, min_length=1),  # JSON has lists, which a strict tuple refuses
    AfterValidator(_require_ascending),
]


class ThresholdsOverride(Section):
    """Thresholds of one method that a project changes; None keeps the default."""

    warning: Effect | None = Field(
        None, description="Effect from which a significant change is a warning, in the unit of the method."
    )
    drift: Effect | None = Field(
        None, description="Effect from which a significant change is a drift, in the unit of the method."
    )

    def on_top_of(self, default: Thresholds) -> Thresholds:
        """Return the default thresholds, overridden by those that are set here."""
        return Thresholds(
            default.warning if self.warning is None else self.warning,
            default.drift if self.drift is None else self.drift,
        )


class ColumnOverride(Section):
    """Exceptions for one column; None keeps the model's setting."""

    judged: bool = Field(default=True, description="False leaves the column out of the report.")
    method: Method | None = Field(
        None, description="The statistic that decides for this column, if it is defined for the column's kind."
    )
    bins: Bins | None = Field(None, description="Bins of a numeric column, by quantiles of the reference.")
    minimum_rows: Rows | None = Field(None, description="Rows of the column below which it has no verdict.")
    warning: Effect | None = Field(
        None, description="Effect from which a significant change is a warning, in the unit of the deciding method."
    )
    drift: Effect | None = Field(
        None, description="Effect from which a significant change is a drift, in the unit of the deciding method."
    )

    @model_validator(mode="after")
    def _require_order(self) -> Self:
        if self.warning is not None and self.drift is not None:
            _require_warning_below_drift(Thresholds(self.warning, self.drift))
        return self


class DriftSettings(Section):
    """How a model's drift is evaluated."""

    numeric_method: NumericMethod = Field("psi", description="The statistic that decides for numeric columns.")
    categorical_method: CategoricalMethod = Field(
        "jensen_shannon", description="The statistic that decides for categorical columns."
    )
    bins: Bins = Field(10, description="Bins of a numeric column, by quantiles of the reference.")
    alpha: float = Field(
        0.005,
        gt=0,
        le=0.5,
        description="Largest share of days without any change on which a column of the model may raise a false alarm. "
        "The default is half of the promised 1 %: the other half is a margin for approximations.",
    )
    minimum_rows: Rows = Field(30, description="Rows of a column below which it has no verdict.")
    windows: Windows = Field(
        (1, 2, 4, 7, 14, 28),
        description="Lengths of trailing windows in days, ascending; each column is tested on the first one with enough rows.",
    )
    thresholds: Mapping[Method, ThresholdsOverride] = Field(
        default_factory=dict,
        description="Warning and drift effects by method; an omitted method or effect has its default.",
    )
    y_pred: bool = Field(default=True, description="Whether predictions get verdicts, like the features.")
    y_proba: bool = Field(default=True, description="Whether probabilities get verdicts, like the features.")
    latency_ms: bool = Field(default=True, description="Whether latencies get verdicts, like the features.")
    slices: SliceColumns = Field(
        (),
        description="Columns by whose values the model is judged too: any of `endpoint`, `model_version` and `segment`. "
        f"The {MAX_JUDGED_SLICES} slices with the most rows in the baseline are judged.",
    )
    overrides: Mapping[str, ColumnOverride] = Field(
        default_factory=dict,
        description="Exceptions by column. The prefix `feature_` of a feature is optional.",
    )

    @model_validator(mode="after")
    def _require_order(self) -> Self:
        for method in self.thresholds:
            try:
                _require_warning_below_drift(self.thresholds_of(method))
            except ValueError as error:
                raise error_at(("thresholds", method), str(error), self.thresholds[method]) from None
        return self

    def thresholds_of(self, method: Method) -> Thresholds:
        """Return the thresholds of a method: the defaults, overridden by those of the project.

        Examples
        --------
        >>> DriftSettings.from_dict({"thresholds": {"psi": {"warning": 0.15}}}).thresholds_of("psi")
        Thresholds(warning=0.15, drift=0.2)
        >>> DriftSettings.from_dict({"thresholds": {"psi": {"warning": 0.3}}})
        Traceback (most recent call last):
        guard_core.project_settings.section.ProjectSettingsError: thresholds.psi: warning (0.3) is above drift (0.2); lower warning or raise drift
        """
        override = self.thresholds.get(method)
        default = DEFAULT_THRESHOLDS[method]
        return default if override is None else override.on_top_of(default)

    def override(self, column: str) -> ColumnOverride:
        """Return the exceptions for a lake column.

        Examples
        --------
        >>> settings = DriftSettings.from_dict({"overrides": {"age": {"method": "wasserstein", "drift": 0.5}}})
        >>> settings.override("feature_age").method, settings.numeric_method
        ('wasserstein', 'psi')
        """
        if column in self.overrides:
            return self.overrides[column]
        feature = feature_name(column)
        if feature != column and feature not in ENVELOPE_COLUMNS and feature in self.overrides:
            return self.overrides[feature]
        return ColumnOverride()

    def judges(self, column: str) -> bool:
        """Return whether a lake column gets a verdict: features and the three of the envelope, unless switched off."""
        if column in ENVELOPE_COLUMNS:
            return bool(getattr(self, column)) and self.override(column).judged
        return column.startswith(FEATURE_PREFIX) and self.override(column).judged


def _require_warning_below_drift(effects: Thresholds) -> None:
    if effects.warning > effects.drift:
        raise ValueError(
            f"warning ({effects.warning:g}) is above drift ({effects.drift:g}); lower warning or raise drift"
        )
