"""Comparisons of challengers with champions: sums by local day, to which all server processes add."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from guard_core.days import now_us
from guard_store.db.conditions import of_model
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert
from guard_store.retraining.tables import shadow_tallies

SumKey = tuple[str, str, str, str, str]
"""Project, model, local day, champion's version, challenger's version."""


@dataclass(slots=True)
class ShadowSum:
    """Rows that were compared, those whose predictions differ, those that the challenger could not read.

    `difference` is the sum of absolute differences of probabilities, or of numbers.
    """

    rows: int = 0
    differing: int = 0
    failed: int = 0
    difference: float = 0.0


@dataclass(frozen=True, slots=True)
class ShadowTally:
    """The sums of one day and pair of versions."""

    project_id: str
    model_id: str
    day: str
    champion: str
    challenger: str
    rows: int
    differing: int
    failed: int
    difference: float
    changed_us: int


class ShadowStore:
    """Adds and reads sums."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, sums: Mapping[SumKey, ShadowSum]) -> None:
        """Add to the stored sums, in one transaction."""
        if not sums:
            return
        names = ("project_id", "model_id", "day", "champion", "challenger")
        counted = ("rows", "differing", "failed", "difference")
        with self._database.write() as connection:
            for key, item in sorted(sums.items()):
                row = dict(zip(names, key, strict=True)) | {name: getattr(item, name) for name in counted}
                statement = dialect_insert(connection, shadow_tallies).values(**row, changed_us=now_us())
                added = {name: shadow_tallies.c[name] + statement.excluded[name] for name in counted}
                added["changed_us"] = statement.excluded.changed_us
                connection.execute(statement.on_conflict_do_update(index_elements=list(names), set_=added))

    def of_model(self, project_id: str, model_id: str, limit: int) -> Sequence[ShadowTally]:
        """Return the sums of a model, newest day first."""
        c = shadow_tallies.c
        statement = (
            select(shadow_tallies)
            .where(of_model(shadow_tallies, project_id, model_id))
            .order_by(c.day.desc(), c.challenger, c.champion)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [ShadowTally(**row._mapping) for row in connection.execute(statement)]
