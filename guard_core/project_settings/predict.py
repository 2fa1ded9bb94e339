"""What a project's section `predict` may say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from guard_core.project_settings.checks import Check, CheckedSettings, boolean

_CHECKS: Mapping[str, Check] = {"shadow": boolean}


@dataclass(frozen=True, slots=True)
class PredictSettings(CheckedSettings):
    """How predictions are made.

    Attributes
    ----------
    shadow : whether the challenger scores live traffic too, without answering.
    """

    CHECKS: ClassVar[Mapping[str, Check]] = _CHECKS

    shadow: bool = False
