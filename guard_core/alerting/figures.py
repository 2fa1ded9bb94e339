"""The number that an alert is about, with what it is compared with and its values on the days before; no drawing.

Facts carry it in their details as `figure`; pages and mails show it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, and what it is compared with; None where there is nothing of the kind.

    Attributes
    ----------
    name : of the measure, for people.
    key : of its values by day: a metric, or a column of the lake.
    threshold : from which value on it is too much, or up to which too little.
    baseline : its value in the window of the baseline, or the usual one.
    low, high, rows : its 95 % interval, and the number of rows behind it.
    feature : the feature that it is about.
    days, values : the newest days that have a value, oldest first.
    """

    name: str
    value: float
    key: str = ""
    threshold: float | None = None
    baseline: float | None = None
    low: float | None = None
    high: float | None = None
    rows: int | None = None
    feature: str | None = None
    days: Sequence[str] = ()
    values: Sequence[float] = ()

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> Self | None:
        """Return the figure in the details of a fact or an alert; None if they have none."""
        return cls(**details["figure"]) if details.get("figure") else None

    def as_details(self) -> dict[str, Any]:
        """Return the entry for the details of a fact."""
        return {"figure": asdict(self)}
