"""What a check returns, and how it is run so that an unexpected error hides none of the other checks."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from guard_core.settings import Settings

State: TypeAlias = Literal["ok", "unused", "problem"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check has found; `fix` is one line, and only a problem has one. No text contains a secret."""

    state: State
    detail: str
    fix: str | None = None


Check: TypeAlias = Callable[[Settings], Outcome]


def ok(detail: str) -> Outcome:
    """Return the outcome of a part that works."""
    return Outcome("ok", detail)


def unused(detail: str) -> Outcome:
    """Return the outcome of a part that is not configured, or does not exist before the first start."""
    return Outcome("unused", detail)


def problem(detail: str, fix: str) -> Outcome:
    """Return the outcome of a part that does not work."""
    return Outcome("problem", " ".join(detail.split()), fix)


def run_check(check: Check, settings: Settings) -> Outcome:
    """Run a check; an error that it does not expect is a problem, without its text, which may hold a password."""
    try:
        return check(settings)
    except Exception as error:  # noqa: BLE001 - the other checks must run whatever this one meets
        _log.debug("the check %s failed", check.__name__, exc_info=True)
        return problem(f"cannot be checked ({type(error).__name__})", "report it as a fault of ML Guard")
