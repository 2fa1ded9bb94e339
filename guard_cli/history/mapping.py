"""Which column of a history is the time, the prediction, the label, …: as named by options, else guessed from names and types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from guard_cli.terminal import CommandError

NAMES: Final[Mapping[str, Sequence[str]]] = {
    "time": ("timestamp", "ts", "time", "event_time", "datetime", "created_at", "date", "day"),
    "pred": ("y_pred", "prediction", "predicted", "pred", "yhat", "score_label"),
    "proba": ("y_proba", "proba", "probability", "y_score", "score"),
    "label": ("y_true", "label", "target", "actual", "outcome", "y"),
    "id": ("event_id", "id", "prediction_id", "request_id", "uuid"),
    "segment": ("segment",),
    "latency": ("latency_ms", "latency"),
    "version": ("model_version", "version"),
    "label-time": ("observed_at", "label_time", "labelled_at"),
}
"""Names by which a column is recognised, the best first."""
_REQUIRED = ("time", "pred")
_CURE = "convert it: times as 2024-05-01T12:00:00Z, the rest as numbers, text or booleans"


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Column by part of an event; the other columns are features."""

    columns: Mapping[str, str]
    features: Sequence[str]

    def column(self, part: str) -> str | None:
        """Return the column of a part, if there is one."""
        return self.columns.get(part)


def map_columns(columns: Sequence[str], chosen: Mapping[str, str | None], left_out: Mapping[str, str]) -> ColumnMapping:
    """Return the mapping of a table's columns.

    Parameters
    ----------
    chosen : column by part, as the options name them; None is guessed, and an empty name is none.
    left_out : the reason by column that has no use.

    Raises
    ------
    CommandError
        If a chosen column does not exist, or a required one cannot be guessed.

    Examples
    --------
    >>> mapping = map_columns(["ts", "y_pred", "age", "late"], {"label": "late"}, {})
    >>> dict(mapping.columns), list(mapping.features)
    ({'label': 'late', 'time': 'ts', 'pred': 'y_pred'}, ['age'])
    """
    mapping = {}
    for part, column in chosen.items():
        if column and column not in columns:
            raise _unknown_column(part, column, columns, left_out)
        if column:
            mapping[part] = column
    lower = {column.lower(): column for column in reversed(columns)}
    for part, names in NAMES.items():
        if chosen.get(part) is not None:
            continue
        guess = next((lower[name] for name in names if lower.get(name) not in {None, *mapping.values()}), None)
        if guess is not None:
            mapping[part] = guess
    for part in _REQUIRED:
        if part not in mapping:
            raise _missing_part(part, columns, left_out)
    features = [column for column in columns if column not in mapping.values() and column not in left_out]
    return ColumnMapping(mapping, features)


def _unknown_column(part: str, column: str, columns: Sequence[str], left_out: Mapping[str, str]) -> CommandError:
    if reason := left_out.get(column):
        return CommandError(f"--{part}: column {column!r} {reason}; {_CURE}")
    return CommandError(f"--{part}: there is no column {column!r}; there are {', '.join(columns)}")


def _missing_part(part: str, columns: Sequence[str], left_out: Mapping[str, str]) -> CommandError:
    for column, reason in left_out.items():
        if column.lower() in NAMES[part]:
            return CommandError(f"column {column!r} {reason}; {_CURE}, or name another one: --{part} COLUMN")
    question = f"which column is the {part}? name it: --{part} COLUMN; there are {', '.join(columns)}"
    index = next((column for column, reason in left_out.items() if reason == "is an index"), None)
    if index is None:
        return CommandError(question)
    return CommandError(
        f"{question}; if it is the index, give that a name before the file is written: frame.rename_axis({NAMES[part][0]!r})"
    )
