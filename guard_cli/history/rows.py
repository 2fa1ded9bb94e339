"""The table of a history as events and labels of the contract, ready to be sent."""

import hashlib
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from guard_cli.history.instants import to_instants
from guard_cli.history.mapping import ColumnMapping
from guard_cli.terminal import CommandError

if TYPE_CHECKING:  # help must not wait for Arrow
    import pyarrow as pa

_ROUNDING = 1e-6  # which the server corrects
_OPTIONAL = {"proba": "y_proba", "segment": "segment", "version": "model_version"}


def to_events(
    table: "pa.Table",
    mapping: ColumnMapping,
    project_id: str,
    model_id: str,
    timezone: str,
    positive: str | None = None,
) -> "pa.Table":
    """Return the events of a table, oldest first, with the column `y_true` beside them where it has labels.

    Parameters
    ----------
    timezone : of times without an offset.
    positive : the label that means the larger prediction, where they have no word in common.

    Raises
    ------
    CommandError
        If the time cannot be read or is missing in a row, or labels and predictions have nothing in common.
    """
    import pyarrow as pa

    rows = table.num_rows
    time = to_instants(table, mapping.columns["time"], timezone)
    columns = {
        "project_id": pa.array([project_id] * rows),
        "model_id": pa.array([model_id] * rows),
        "event_id": _event_ids(table, mapping, time),
        "timestamp": time,
        "latency_ms": _latency(table, mapping),
        "y_pred": table[mapping.columns["pred"]],
    }
    for part, field in _OPTIONAL.items():
        column = mapping.column(part)
        if column is not None:
            columns[field] = (
                _probabilities(table, column)
                if part == "proba"
                else _cast(table, column, part, pa.string(), "text or a number")
            )
    features = [table[name].combine_chunks() for name in mapping.features]
    if features:
        columns["features"] = pa.StructArray.from_arrays(features, names=list(mapping.features))
    else:
        columns["features"] = pa.array([{}] * rows, pa.struct([]))
    if label := mapping.column("label"):
        columns["y_true"] = as_predicted(table[label], table[mapping.columns["pred"]], positive)
        observed = mapping.column("label-time")
        columns["observed_at"] = time if observed is None else to_instants(table, observed, timezone, required=False)
    return pa.table(columns).sort_by("timestamp")


def split_events(events: "pa.Table") -> "tuple[pa.Table, pa.Table | None]":
    """Return the events without their labels, and the labels; None if the table has none."""
    labels = to_labels(events) if "y_true" in events.column_names else None
    return events.select([name for name in events.column_names if name not in {"y_true", "observed_at"}]), labels


def to_labels(events: "pa.Table") -> "pa.Table":
    """Return the labels of events that have one; without a time of its own, a label was known at the event's time."""
    import pyarrow.compute as pc

    labels = events.select(["project_id", "event_id", "y_true", "observed_at", "timestamp"])
    labels = labels.filter(pc.is_valid(labels["y_true"]))
    observed_at = pc.coalesce(labels["observed_at"], labels["timestamp"])
    return labels.set_column(3, "observed_at", observed_at).drop_columns(["timestamp"])


def as_predicted(labels: "pa.ChunkedArray", predictions: "pa.ChunkedArray", positive: str | None) -> "pa.ChunkedArray":
    """Return labels in the words of the predictions, where both have two values and none in common.

    Parameters
    ----------
    positive : the label that means the larger prediction.

    Raises
    ------
    CommandError
        If they have nothing in common, and `positive` does not say which label means what.
    """
    import pyarrow as pa

    from ml.monitoring.performance.labels import label_key

    label_words, predicted_words = _words(labels), _words(predictions)
    if (
        not label_words
        or len(label_words) > 2
        or len(predicted_words) > 2
        or _lower(label_words) & _lower(predicted_words)
    ):
        return labels
    if positive is None and {*map(label_key, label_words)} & {*map(label_key, predicted_words)}:
        return labels  # 1.0, True and yes are 1 for whatever compares them
    _require_meaning(label_words, predicted_words, positive)
    values = [value for value in predictions.unique().to_pylist() if value is not None]
    values.sort(key=lambda value: (isinstance(value, str), value))  # numbers by their size
    meaning = {word: values[-1] if word == positive else values[0] for word in label_words}
    return pa.chunked_array(
        [pa.array([None if v is None else meaning[str(v)] for v in labels.to_pylist()], predictions.type)]
    )


def _require_meaning(label_words: list[str], predicted_words: list[str], positive: str | None) -> None:
    """Refuse labels and predictions without a common word, unless there are two of each and `positive` is one of the labels."""
    if len(predicted_words) < 2:
        only = " and ".join(predicted_words) or "missing"
        raise CommandError(
            f"all predictions are {only}, labels {' and '.join(label_words)}: nothing says what the other label means; write"
            " labels in the words of the predictions"
        )
    if positive is None:
        raise CommandError(
            f"predictions are {' and '.join(predicted_words)}, labels {' and '.join(label_words)}:"
            f" which label means {predicted_words[-1]}? --positive {label_words[0]}"
        )
    if positive not in label_words:
        raise CommandError(f"--positive: no label is {positive!r}; they are {' and '.join(label_words)}")


def _words(column: "pa.ChunkedArray") -> list[str]:
    return sorted({str(value) for value in column.unique().to_pylist() if value is not None})


def _lower(words: list[str]) -> set[str]:
    return {word.lower() for word in words}


def local_days(events: "pa.Table", timezone: str) -> list[date]:
    """Return the local days that have events, oldest first."""
    zone = ZoneInfo(timezone)
    return sorted({instant.astimezone(zone).date() for instant in events["timestamp"].to_pylist()})


def first_window(days: list[date], length: int) -> tuple[date, date]:
    """Return the first `length` calendar days, or the first third of a history that is shorter than three times that.

    >>> first_window([date(2024, 1, day) for day in range(1, 31)], 28)
    (datetime.date(2024, 1, 1), datetime.date(2024, 1, 10))
    """
    span = (days[-1] - days[0]).days + 1
    return days[0], days[0] + timedelta(days=min(length, max(1, span // 3)) - 1)


def _probabilities(table: "pa.Table", name: str) -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    values = _cast(table, name, "proba", pa.float64(), "a number from 0 to 1")
    first, last = pc.min_max(values.filter(pc.invert(pc.is_nan(values)))).as_py().values()
    if first is not None and not (-_ROUNDING <= first <= last <= 1 + _ROUNDING):
        outside = first if first < -_ROUNDING else last
        raise CommandError(
            f"column {name!r} has {outside:g}, and a probability is from 0 to 1: divide per cent by 100, or name another"
            " column, --proba COLUMN; with --proba '' the column is a feature"
        )
    return values


def _cast(table: "pa.Table", name: str, part: str, kind: "pa.DataType", need: str) -> "pa.ChunkedArray":
    """Return a column as another type, or name the part of an event that it cannot be."""
    import pyarrow as pa

    try:
        return table[name].cast(kind)
    except pa.ArrowException:
        raise CommandError(
            f"column {name!r} is {table[name].type}, not {need}; convert it, or with --{part} '' it is a feature"
        ) from None


def _event_ids(table: "pa.Table", mapping: ColumnMapping, time: "pa.ChunkedArray") -> "pa.Array | pa.ChunkedArray":
    """Return the column of ids as text; where it has none, a digest of the row, so that sending it again is a duplicate."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = mapping.column("id")
    if column is None:
        return _digests(table)
    ids = _cast(table, column, "id", pa.string(), "text or a number")
    _require_one_time(column, ids, time)
    return pc.coalesce(ids, _digests(table)) if ids.null_count else ids


def _digests(table: "pa.Table") -> "pa.Array":
    import pyarrow as pa

    seen: Counter[str] = Counter()
    ids = []
    for row in table.to_pylist():
        digest = hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:32]
        ids.append(f"{digest}-{seen[digest]}" if seen[digest] else digest)
        seen[digest] += 1
    return pa.array(ids)


def _require_one_time(column: str, ids: "pa.ChunkedArray", time: "pa.ChunkedArray") -> None:
    """Refuse ids of customers or sessions: of their predictions, all but the first would be duplicates."""
    import pyarrow as pa

    times = pa.table({"id": ids, "time": time}).group_by("id").aggregate([("time", "count_distinct")])
    for name, count in zip(times["id"].to_pylist(), times["time_count_distinct"].to_pylist(), strict=True):
        if name is not None and count > 1:
            raise CommandError(
                f"column {column!r} has {name[:80]!r} at {count} different times, and an id names one prediction: name another"
                " column, --id COLUMN; with --id '' ids are made of the rows and the column is a feature"
            )


def _latency(table: "pa.Table", mapping: ColumnMapping) -> "pa.ChunkedArray | pa.Array":
    import pyarrow as pa

    column = mapping.column("latency")
    if column is None:
        return pa.array([0.0] * table.num_rows)
    return _cast(table, column, "latency", pa.float64(), "a number of milliseconds")
