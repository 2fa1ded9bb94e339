"""A drift report as an object of a notebook: shown as HTML, read as a pandas DataFrame or plain data.

Judging does not belong here; the verdicts are those of the script, from `ml.monitoring.verdicts.tables`.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from guard_core.columns import feature_column
from guard_core.project_settings.drift import DriftSettings
from ml.monitoring.verdicts.tables import TableComparison, compare_tables, shown_name
from ml.reports.document import fragment
from ml.reports.drift_page import column_card, drift_fragment
from ml.reports.sentences import headline
from ml.tables.frames import frame_table

if TYPE_CHECKING:
    import pandas as pd


class Report:
    """The verdicts on a table against a reference; as the last value of a cell, a notebook shows it with charts."""

    def __init__(self, comparison: TableComparison) -> None:
        self._comparison = comparison
        self._report = comparison.report

    @property
    def drifted(self) -> list[str]:
        """The names of the columns that have drifted, as in the tables."""
        return [shown_name(column) for column in self._report.columns_in("drift")]

    def to_frame(self) -> "pd.DataFrame":
        """Return the verdicts as a DataFrame, one row a column with its name as the index, and a column for each statistic."""
        import pandas as pd

        rows = [asdict(verdict) for verdict in self._report.columns]
        statistics = [row.pop("statistics") for row in rows]
        names = pd.Index([shown_name(row.pop("column")) for row in rows], name="column")
        return pd.DataFrame(rows, index=names).join(pd.DataFrame(statistics, index=names))

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON-safe data, as `ml/drift.py --json` prints it."""
        return self._report.to_dict()

    def plot(self, feature: str) -> "ColumnPlot":
        """Return both distributions of a column with its verdict.

        Raises
        ------
        KeyError
            If the report has no such column.
        """
        columns = {verdict.column: verdict for verdict in self._report.columns}
        verdict = columns.get(feature_column(feature)) or columns.get(feature)
        if verdict is None:
            names = ", ".join(shown_name(column) for column in columns)
            raise KeyError(f"no column {feature!r}; the report has {names}")
        return ColumnPlot(fragment(column_card(self._comparison, verdict)))

    def __repr__(self) -> str:
        return headline(self._report)

    def _repr_html_(self) -> str:
        return drift_fragment(self._comparison)


class ColumnPlot:
    """A chart that a notebook shows."""

    def __init__(self, html: str) -> None:
        self._html = html

    def _repr_html_(self) -> str:
        return self._html


def compare_frames(
    reference: object,
    current: object,
    settings: Mapping[str, object] | None = None,
    ignore: Collection[str] = (),
) -> Report:
    """Judge the rows of a table against a reference; see `ml.compare`."""
    tables = (("reference", frame_table("reference", reference)), ("current", frame_table("current", current)))
    return Report(compare_tables(*tables, DriftSettings.from_dict(dict(settings or {})), ignore))
