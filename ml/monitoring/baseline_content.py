"""What is stored of a baseline, from the profiles of its days: their merge, how the days differ, and which columns have a trend.

Storing it is `guard_store.monitoring.baselines`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from guard_core.project_settings.drift import DriftSettings
from ml.monitoring.baseline_trends import baseline_trends
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.between_days import baseline_days


@dataclass(frozen=True, slots=True)
class BaselineContent:
    """The content of a baseline; attributes as those of `BaselineStore.capture`."""

    rows: int
    sha256: str
    profile: bytes
    design_effects: Mapping[str, float]
    days: Mapping[str, Any]
    trends: Mapping[str, float]

    @classmethod
    def of(cls, days: Mapping[date, TableProfile], settings: DriftSettings) -> Self:
        """Describe the days of a baseline.

        Raises
        ------
        ValueError
            If their profiles cannot be merged.
        """
        ordered = sorted(days.items())
        profiles = [profile for _, profile in ordered]
        merged = TableProfile.merge(profiles)
        differences = baseline_days(profiles, [day.weekday() for day, _ in ordered], merged, settings)
        return cls(
            merged.rows,
            merged.digest(),
            merged.to_bytes(),
            differences.design_effects,
            differences.to_dict(),
            baseline_trends(differences, merged, settings),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return {name: getattr(self, name) for name in self.__slots__}
