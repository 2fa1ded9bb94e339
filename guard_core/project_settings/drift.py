"""How a model's drift is judged: methods, thresholds, error rate, windows, exceptions by column.

Reading settings from outside and naming what is wrong with them belongs here (checks in `checked.py`); judging does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Self, cast

from guard_core.columns import FEATURE_PREFIX
from guard_core.project_settings.checks import (
    boolean,
    choice,
    known_fields,
    mapping,
    number_between,
    whole_number,
    windows_from,
)
from guard_core.project_settings.drift_methods import (
    CATEGORICAL_METHODS,
    DEFAULT_THRESHOLDS,
    MAX_WINDOW_DAYS,
    METHODS,
    NUMERIC_METHODS,
    CategoricalMethod,
    Method,
    NumericMethod,
    Thresholds,
)
from guard_core.project_settings.section import ProjectSettingsError

ENVELOPE_COLUMNS = ("y_pred", "y_proba", "latency_ms")
MAX_BINS = 100


@dataclass(frozen=True, slots=True)
class ColumnOverride:
    """What one column does differently; None keeps the model's setting.

    Attributes
    ----------
    judged : False leaves the column out of the report.
    method : decides for this column, where it fits the column's kind.
    bins, minimum_rows : as in `DriftSettings`.
    warning, drift : effects of the deciding method.
    """

    judged: bool = True
    method: Method | None = None
    bins: int | None = None
    minimum_rows: int | None = None
    warning: float | None = None
    drift: float | None = None


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """How a model's drift is judged.

    Attributes
    ----------
    numeric_method, categorical_method : the statistic that decides.
    bins : bins of a numeric column, by quantiles of the reference.
    alpha : largest share of days without any change on which one of a model's columns may alarm nevertheless. The
        default is half of the promised 1 %: the other half pays for approximations.
    minimum_rows : rows of a column below which nothing is said.
    windows : days to look back, ascending; the first that holds enough rows is judged, column by column.
    thresholds : warning and drift effects by method.
    y_pred, y_proba, latency_ms : whether these are judged beside the features.
    overrides : exceptions by column. A feature may be written with or without the prefix `feature_`.

    Examples
    --------
    >>> settings = DriftSettings.from_dict({"bins": 20, "overrides": {"age": {"method": "wasserstein", "drift": 0.5}}})
    >>> settings.override("feature_age").method, settings.numeric_method
    ('wasserstein', 'psi')
    >>> DriftSettings.from_dict({"thresholds": {"psi": {"warning": 0.3}}})
    Traceback (most recent call last):
    guard_core.project_settings.checks.SettingsError: thresholds.psi: warning (0.3) is above drift (0.2); lower warning or raise drift
    """

    numeric_method: NumericMethod = "psi"
    categorical_method: CategoricalMethod = "jensen_shannon"
    bins: int = 10
    alpha: float = 0.005
    minimum_rows: int = 30
    windows: tuple[int, ...] = (1, 2, 4, 7, 14, 28)
    thresholds: Mapping[str, Thresholds] = field(default_factory=lambda: dict(DEFAULT_THRESHOLDS))
    y_pred: bool = True
    y_proba: bool = True
    latency_ms: bool = True
    overrides: Mapping[str, ColumnOverride] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, given: Mapping[str, object]) -> Self:
        """Settings from plain data (JSON); what is not given keeps its default.

        Raises
        ------
        SettingsError
            If a field is unknown or has a wrong value: the message names its path and the fix.
        """
        known_fields(given, [f.name for f in fields(cls)], path="")
        default = cls()

        def value(name: str) -> object:
            return given.get(name, getattr(default, name))

        return cls(
            cast("NumericMethod", choice(value("numeric_method"), NUMERIC_METHODS, "numeric_method")),
            cast("CategoricalMethod", choice(value("categorical_method"), CATEGORICAL_METHODS, "categorical_method")),
            whole_number(value("bins"), 2, MAX_BINS, "bins"),
            number_between(value("alpha"), 0.0, 0.5, "alpha"),
            whole_number(value("minimum_rows"), 2, None, "minimum_rows"),
            windows_from(value("windows"), MAX_WINDOW_DAYS, "windows"),
            _thresholds_by_method(given.get("thresholds", {})),
            boolean(value("y_pred"), "y_pred"),
            boolean(value("y_proba"), "y_proba"),
            boolean(value("latency_ms"), "latency_ms"),
            _overrides(given.get("overrides", {})),
        )

    def to_dict(self) -> dict[str, object]:
        """The same settings as plain data; `from_dict` is the inverse."""
        return {
            "numeric_method": self.numeric_method,
            "categorical_method": self.categorical_method,
            "bins": self.bins,
            "alpha": self.alpha,
            "minimum_rows": self.minimum_rows,
            "windows": list(self.windows),
            "thresholds": {name: {"warning": t.warning, "drift": t.drift} for name, t in self.thresholds.items()},
            "y_pred": self.y_pred,
            "y_proba": self.y_proba,
            "latency_ms": self.latency_ms,
            "overrides": {
                name: {f.name: value for f in fields(entry) if (value := getattr(entry, f.name)) != f.default}
                for name, entry in self.overrides.items()
            },
        }

    def override(self, column: str) -> ColumnOverride:
        """The exceptions of a lake column."""
        if column in self.overrides:
            return self.overrides[column]
        feature = column.removeprefix(FEATURE_PREFIX)
        if feature != column and feature not in ENVELOPE_COLUMNS and feature in self.overrides:
            return self.overrides[feature]
        return ColumnOverride()

    def judges(self, column: str) -> bool:
        """Whether a lake column is judged: features and the three of the envelope, unless switched off."""
        if column in ENVELOPE_COLUMNS:
            return bool(getattr(self, column)) and self.override(column).judged
        return column.startswith(FEATURE_PREFIX) and self.override(column).judged


def _thresholds_by_method(given: object) -> dict[str, Thresholds]:
    entries = mapping(given, "thresholds")
    known_fields(entries, METHODS, path="thresholds")
    changed = {
        method: _thresholds_from(entry, DEFAULT_THRESHOLDS[method], f"thresholds.{method}")
        for method, entry in entries.items()
    }
    return {**DEFAULT_THRESHOLDS, **changed}


def _thresholds_from(value: object, default: Thresholds, path: str) -> Thresholds:
    """Warning and drift effects; what is not given keeps its default."""
    entry = mapping(value, path)
    known_fields(entry, ("warning", "drift"), path)
    warning = number_between(entry.get("warning", default.warning), 0.0, None, f"{path}.warning")
    drift = number_between(entry.get("drift", default.drift), 0.0, None, f"{path}.drift")
    if warning > drift:
        raise ProjectSettingsError(
            f"{path}: warning ({warning:g}) is above drift ({drift:g}); lower warning or raise drift"
        )
    return Thresholds(warning, drift)


def _overrides(given: object) -> dict[str, ColumnOverride]:
    return {name: _override_from(entry, f"overrides.{name}") for name, entry in mapping(given, "overrides").items()}


def _override_from(given: object, path: str) -> ColumnOverride:
    entry = mapping(given, path)
    known_fields(entry, [f.name for f in fields(ColumnOverride)], path)
    method = entry.get("method")
    bins, rows = entry.get("bins"), entry.get("minimum_rows")
    warning, drift = entry.get("warning"), entry.get("drift")
    override = ColumnOverride(
        boolean(entry.get("judged", True), f"{path}.judged"),
        None if method is None else cast("Method", choice(method, METHODS, f"{path}.method")),
        None if bins is None else whole_number(bins, 2, MAX_BINS, f"{path}.bins"),
        None if rows is None else whole_number(rows, 2, None, f"{path}.minimum_rows"),
        None if warning is None else number_between(warning, 0.0, None, f"{path}.warning"),
        None if drift is None else number_between(drift, 0.0, None, f"{path}.drift"),
    )
    if override.warning is not None and override.drift is not None and override.warning > override.drift:
        raise ProjectSettingsError(
            f"{path}: warning ({override.warning:g}) is above drift ({override.drift:g}); lower warning or raise drift"
        )
    return override
