"""Checks of plain data for settings: each names the field's path and the fix, or hands back the typed value.

What fields there are is decided where they are used: drift, retraining, training, gate.
"""

import math
from collections.abc import Callable, Collection, Mapping
from itertools import pairwise
from typing import Any, ClassVar, Self

Check = Callable[[object, str], object]


class SettingsError(ValueError):
    """A setting is wrong; the message names its path and what to do."""


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


def text(value: object, path: str) -> str:
    """The value, if it is text that is not empty."""
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{path}: must be text, got {value!r}")
    return value


def texts(value: object, path: str) -> tuple[str, ...]:
    """The values, if they are a list of texts."""
    if not isinstance(value, list | tuple):
        raise SettingsError(f"{path}: must be a list of names, got {value!r}")
    return tuple(text(entry, f"{path}[{index}]") for index, entry in enumerate(value))


def whole(low: int, high: int | None = None) -> Check:
    """A check for whole numbers from low to high."""
    return lambda value, path: whole_number(value, low, high, path)


def between(low: float, high: float | None = None) -> Check:
    """A check for numbers above low and not above high."""
    return lambda value, path: number_between(value, low, high, path)


def at_least_0(value: object, path: str) -> float:
    """The value as a float, if it is 0 or more."""
    return 0.0 if value == 0 and not isinstance(value, bool) else number_between(value, 0.0, None, path)


def checked_fields(given: Mapping[str, object], default: object, checks: Mapping[str, Check]) -> dict[str, Any]:
    """Every field that has a check, from plain data or else from `default`.

    Raises
    ------
    SettingsError
        If a field is unknown or has a wrong value: the message names its path and the fix.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> checked_fields({"k": 2}, SimpleNamespace(k=1, n=3), {"k": whole(1), "n": whole(1)})
    {'k': 2, 'n': 3}
    """
    known_fields(given, list(checks), path="")
    return {
        name: check(given[name], name) if name in given else getattr(default, name) for name, check in checks.items()
    }


class CheckedSettings:
    """Settings that are made of plain data: a dataclass that says how each of its fields is checked.

    Attributes
    ----------
    CHECKS : by field.
    """

    __slots__ = ()
    CHECKS: ClassVar[Mapping[str, Check]] = {}

    @classmethod
    def from_dict(cls, given: Mapping[str, object]) -> Self:
        """Settings from plain data (JSON); what is not given keeps its default.

        Raises
        ------
        SettingsError
            If a field is unknown or has a wrong value: the message names its path and the fix.
        """
        return cls(**checked_fields(given, cls(), cls.CHECKS))
