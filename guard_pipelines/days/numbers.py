"""Numbers of a day, over all of its models, which Dagster plots by partition.

Which columns an asset has, and where they are stored, belongs to its domain.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from guard_pipelines.days.loop import Cell
from guard_store.day_state.day_state import DayState
from guard_store.db.database import Database

Row = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class DayNumbers:
    """The numbers of an asset's days.

    Attributes
    ----------
    measures : numbers by name: a column of the rows of models, and the function that combines the models that have it.
    read : reads the rows, with their `day`, of days of models that earlier runs have processed.
    """

    measures: Mapping[str, tuple[str, Callable[[Sequence[float]], float]]]
    read: Callable[[Database, Sequence[DayState]], Iterable[Row]]

    def combine(self, rows: Sequence[Row]) -> dict[str, Cell]:
        """Return a day in numbers: its models, and each measure of those of them that have it."""
        numbers: dict[str, Cell] = {"models": len(rows)}
        for name, (column, aggregate) in self.measures.items():
            values = [cell for row in rows if isinstance(cell := row.get(column), int | float)]
            if values:
                numbers[name] = aggregate(values)
        return numbers

    def of_days(
        self, database: Database, states: Sequence[DayState], processed: Mapping[str, Sequence[Row]]
    ) -> dict[str, dict[str, Cell]]:
        """Return the numbers of each day of these states, over all of its models.

        Parameters
        ----------
        processed : by day, the rows of models that this run has processed; those of the other models are read.
        """
        known = {(row["project"], row["model"], day) for day, rows in processed.items() for row in rows}
        rows = defaultdict[str, list[Row]](list)
        for row in self.read(database, [state for state in states if state.key not in known]):
            rows[str(row["day"])].append(row)
        return {
            day: self.combine([*processed.get(day, ()), *rows[day]]) for day in sorted({state.day for state in states})
        }
