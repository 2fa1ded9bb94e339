"""The table of a history as events and labels of the contract, ready to be sent."""

import hashlib
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from guard_cli.history.mapping import ColumnMapping
from guard_cli.terminal import CommandError

if TYPE_CHECKING:  # help must not wait for Arrow
    import pyarrow as pa

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
    time = _instants(table, mapping.columns["time"], timezone)
    columns = {
        "project_id": pa.array([project_id] * rows),
        "model_id": pa.array([model_id] * rows),
        "event_id": _event_ids(table, mapping),
        "timestamp": time,
        "latency_ms": _latency(table, mapping),
        "y_pred": table[mapping.columns["pred"]],
    }
    for part, field in _OPTIONAL.items():
        column = mapping.column(part)
        if column is not None:
            values = table[column]
            columns[field] = values if part == "proba" else values.cast(pa.string())
    features = [table[name].combine_chunks() for name in mapping.features]
    if features:
        columns["features"] = pa.StructArray.from_arrays(features, names=list(mapping.features))
    else:
        columns["features"] = pa.array([{}] * rows, pa.struct([]))
    if label := mapping.column("label"):
        columns["y_true"] = as_predicted(table[label], table[mapping.columns["pred"]], positive)
        observed = mapping.column("label-time")
        columns["observed_at"] = time if observed is None else _instants(table, observed, timezone, required=False)
    return pa.table(columns).sort_by("timestamp")


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

    words = [
        sorted({str(value) for value in column.unique().to_pylist() if value is not None})
        for column in (labels, predictions)
    ]
    label_words, predicted_words = words
    if (
        len(label_words) > 2
        or len(predicted_words) > 2
        or {w.lower() for w in label_words} & {w.lower() for w in predicted_words}
    ):
        return labels
    if positive is None:
        raise CommandError(
            f"predictions are {' and '.join(predicted_words)}, labels {' and '.join(label_words)}:"
            f" which label means {predicted_words[-1]}? --positive {label_words[0]}"
        )
    if positive not in label_words:
        raise CommandError(f"--positive: no label is {positive!r}; they are {' and '.join(label_words)}")
    values = sorted((value for value in predictions.unique().to_pylist() if value is not None), key=str)
    meaning = {word: values[-1] if word == positive else values[0] for word in label_words}
    return pa.chunked_array(
        [pa.array([None if v is None else meaning[str(v)] for v in labels.to_pylist()], predictions.type)]
    )


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


def _instants(table: "pa.Table", name: str, timezone: str, *, required: bool = True) -> "pa.ChunkedArray":
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    values = table[name]
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        raise CommandError(f"column {name!r} is a number, not a time; write times as 2024-05-01T12:00:00Z")
    try:
        times = pd.to_datetime(values.to_pandas(), format="ISO8601" if pa.types.is_string(values.type) else None)
        if times.dt.tz is None:
            # Of a wall-clock time that comes twice, the first; one that never comes is moved to the next that does.
            times = times.dt.tz_localize(ZoneInfo(timezone), ambiguous=True, nonexistent="shift_forward")
    except (ValueError, TypeError, AttributeError) as error:
        raise CommandError(f"column {name!r} is not a time: {error}") from error
    if required and times.isna().any():
        raise CommandError(f"column {name!r} has no time in row {int(times.isna().to_numpy().argmax()) + 1}")
    utc = pa.array(times.dt.tz_convert("UTC").dt.tz_localize(None), pa.timestamp("us"), from_pandas=True)
    return pa.chunked_array([pc.assume_timezone(utc, "UTC")])


def _event_ids(table: "pa.Table", mapping: ColumnMapping) -> "pa.Array":
    """Return the column of ids as text; without one, a digest of each row, so that sending it again is a duplicate."""
    import pyarrow as pa

    if column := mapping.column("id"):
        return table[column].cast(pa.string())
    seen: Counter[str] = Counter()
    ids = []
    for row in table.to_pylist():
        digest = hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:32]
        ids.append(f"{digest}-{seen[digest]}" if seen[digest] else digest)
        seen[digest] += 1
    return pa.array(ids)


def _latency(table: "pa.Table", mapping: ColumnMapping) -> "pa.ChunkedArray | pa.Array":
    import pyarrow as pa

    column = mapping.column("latency")
    return pa.array([0.0] * table.num_rows) if column is None else table[column].cast(pa.float64())
