"""What a project's section `predict` may say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from ml.checked_settings import boolean, checked_fields


@dataclass(frozen=True, slots=True)
class PredictSettings:
    """How predictions are made.

    Attributes
    ----------
    shadow : whether the challenger scores live traffic too, without answering.
    """

    shadow: bool = False

    @classmethod
    def from_dict(cls, given: Mapping[str, object]) -> Self:
        """Settings from plain data (JSON); what is not given keeps its default.

        Raises
        ------
        SettingsError
            If a field is unknown or has a wrong value: the message names its path and the fix.
        """
        return cls(**checked_fields(given, cls(), {"shadow": boolean}))
