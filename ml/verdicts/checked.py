"""Checks of plain data for settings: each names the field's path and the fix, or hands back the typed value.

What fields there are is decided in `settings.py`.
"""

import math
from collections.abc import Collection, Mapping
from itertools import pairwise

from ml.verdicts.methods import Thresholds


class SettingsError(ValueError):
    """A drift setting is wrong; the message names its path and what to do."""


def mapping(value: object, path: str) -> Mapping[str, object]:
    """The value, if it is an object with names."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise SettingsError(f"{path}: must be an object with named fields, got {value!r}")
    return value


def known_fields(given: Mapping[str, object], known: Collection[str], path: str) -> None:
    """Nothing, if every field is known."""
    for name in given:
        if name not in known:
            where = f"{path}.{name}" if path else name
            raise SettingsError(f"{where}: unknown; remove it or use one of {', '.join(known)}")


def choice(value: object, choices: Collection[str], path: str) -> str:
    """The value, if it is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise SettingsError(f"{path}: must be one of {', '.join(choices)}, got {value!r}")
    return value


def boolean(value: object, path: str) -> bool:
    """The value, if it is true or false."""
    if not isinstance(value, bool):
        raise SettingsError(f"{path}: must be true or false, got {value!r}")
    return value


def whole_number(value: object, low: int, high: int | None, path: str) -> int:
    """The value, if it is a whole number from low to high."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"from {low} to {high}"
        raise SettingsError(f"{path}: must be a whole number {limits}, got {value!r}")
    return value


def number_between(value: object, low: float, high: float | None, path: str) -> float:
    """The value as a float, if it is above low and not above high."""
    limits = f"above {low:g}" if high is None else f"above {low:g} and at most {high:g}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SettingsError(f"{path}: must be a number {limits}, got {value!r}")
    if value <= low or (high is not None and value > high):
        raise SettingsError(f"{path}: must be a number {limits}, got {value!r}")
    return float(value)


def windows_from(value: object, longest: int, path: str) -> tuple[int, ...]:
    """Days to look back, if they are ascending whole numbers."""
    if not isinstance(value, list | tuple) or not value:
        raise SettingsError(f"{path}: must be a list of days such as [1, 2, 4, 7], got {value!r}")
    days = tuple(whole_number(entry, 1, longest, f"{path}[{index}]") for index, entry in enumerate(value))
    if any(left >= right for left, right in pairwise(days)):
        raise SettingsError(f"{path}: must be ascending without repeats, got {list(days)}")
    return days


def thresholds_from(value: object, default: Thresholds, path: str) -> Thresholds:
    """Warning and drift effects; what is not given keeps its default."""
    entry = mapping(value, path)
    known_fields(entry, ("warning", "drift"), path)
    warning = number_between(entry.get("warning", default.warning), 0.0, None, f"{path}.warning")
    drift = number_between(entry.get("drift", default.drift), 0.0, None, f"{path}.drift")
    if warning > drift:
        raise SettingsError(f"{path}: warning ({warning:g}) is above drift ({drift:g}); lower warning or raise drift")
    return Thresholds(warning, drift)
