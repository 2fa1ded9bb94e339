"""Stored events of a range of instants as rows of the lake, in pieces of bounded size.

Reading and shaping belong here; committing is `store`, single values are `values`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake.exceptions import DeltaError
from sqlalchemy import ClauseElement, ColumnElement, Dialect, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from guard_core.columns import FEATURE_PREFIX, LABEL, PREDICTION
from guard_core.days import LocalDays, local_days
from guard_store.day_state.day_state import DayState
from guard_store.db.arrow_reader import ArrowReader
from guard_store.db.conditions import of_instants
from guard_store.db.database import Database
from guard_store.ingest.labels import with_newest_label
from guard_store.ingest.tables import events, labels
from guard_store.lake.store import Lake
from guard_store.lake.values import ARROW_TYPES, Converted, convert_features, convert_scalars
from guard_store.monitoring.kinds import KindStore

Learn = Callable[[str, Sequence[Any]], str | None]
"""Returns the kind of a lake column from a sample of its values; None if it cannot be learned from them."""

PIECE_ROWS = 65_536
_PIECE_BYTES = 2**27  # of features that are in memory as text; rows of thousands of features are read in fewer
_VALUE_BYTES = 16  # of a feature with its name, at least: rows that follow may have all known columns
_WIDTH_ROWS = 100
LEARN_VALUES = 10_000
KIND_VIOLATIONS = "kind_violations"
LABEL_OBSERVED = "label_observed_at"

_LABELS = ("endpoint", "model_version", "segment")
_IDS = ("event_id", "request_id")
_READ = ("ts_us", "received_us", "latency_ms", "y_proba", "y_pred", "features", *_LABELS, *_IDS)
_READ_LABEL = ("y_true", "observed_us")
_TYPED = {"ts_us": f"{-(2**63)}", "received_us": "0", "latency_ms": "0.5", "y_proba": "0.5", "observed_us": "0"}
_INSTANT = pa.timestamp("us", "UTC")
_DICTIONARY = pa.dictionary(pa.int32(), pa.string())


class UnseenColumnsError(LookupError):
    """There are columns without a kind: learn them and read again."""


@dataclass(slots=True)
class EventRows:
    """Rows of one model between two instants, by time.

    Attributes
    ----------
    kinds : kind by lake column.
    labelled : whether rows may have labels; reading without labels is much cheaper.
    empty : lake columns without a kind that have had only nulls so far.
    counts, violations : after reading, rows by day, and values by column that did not fit their kind.
    max_features : features with a kind, at most; values of others are counted as violations.
    unseen : if reading ended early, values of the columns without a kind.
    piece_rows : most rows of a piece.
    """

    reader: ArrowReader
    project_id: str
    model_id: str
    days: LocalDays
    bounds_us: tuple[int, int]
    kinds: Mapping[str, str]
    max_features: int
    labelled: bool = False
    empty: Collection[str] = ()
    counts: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    unseen: dict[str, list[Any]] = field(default_factory=dict)
    piece_rows: int = PIECE_ROWS

    @property
    def schema(self) -> pa.Schema:
        """Columns of the lake: envelope, prediction, features."""
        fields = [
            ("day", pa.date32()),
            ("ts", _INSTANT),
            ("received_at", _INSTANT),
            ("event_id", pa.string()),
            ("request_id", pa.string()),
            *((name, _DICTIONARY) for name in _LABELS),
            ("latency_ms", pa.float64()),
            ("y_proba", pa.float64()),
            (KIND_VIOLATIONS, pa.list_(pa.string())),
            *([(LABEL_OBSERVED, _INSTANT)] if self.labelled else []),
            *((name, _DICTIONARY if kind == "categorical" else ARROW_TYPES[kind]) for name, kind in self.kinds.items()),
        ]
        return pa.schema(fields)

    @property
    def _read(self) -> tuple[str, ...]:
        return (*_READ, *_READ_LABEL) if self.labelled else _READ

    def stream(self) -> pa.RecordBatchReader:
        """Return the rows as a stream of bounded pieces, each ordered by time; deltalake may reorder the pieces.

        Raises
        ------
        UnseenColumnsError
            If there are columns without a kind; after the first piece, the consumer of the stream raises its own error.
        """
        self.counts.clear()
        self.violations.clear()
        pieces = (self._piece(batch) for batch in _prefetched(self._batches()))
        first = [piece for piece in (next(pieces, None),) if piece is not None]
        batches = (batch for piece in chain(first, pieces) for batch in piece.combine_chunks().to_batches())
        return pa.RecordBatchReader.from_batches(self.schema, batches)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """Yield batches of `_READ`, with a line feed after the features."""
        for number, batch in enumerate(self.reader.batches(self._sql(), self.piece_rows)):
            yield batch.slice(1) if number == 0 and self.reader.is_sqlite else batch

    def _sql(self) -> str:
        columns: list[ColumnElement[Any]] = [
            events.c.features.concat("\n").label(name) if name == "features" else events.c[name] for name in _READ
        ]
        if self.labelled:
            columns += [labels.c[name] for name in _READ_LABEL]
        rows = (
            select(*columns)
            .select_from(with_newest_label() if self.labelled else events)
            .where(of_instants(events, self.project_id, self.model_id, self.bounds_us))
        )
        if not self.reader.is_sqlite:
            return _literal_sql(rows.order_by("ts_us", "event_id"), postgresql.dialect(paramstyle="named"))  # type: ignore[no-untyped-call]
        # The SQLite driver infers types from the first batch: so a typed row without nulls is put in front.
        texts: list[ColumnElement[Any]] = [
            literal_column(_TYPED.get(name, "'text'")).label(name) for name in self._read
        ]
        typed = select(*texts)
        # Within one instant, the order of the index is the order of storage, which needs no sorting.
        return _literal_sql(typed.union_all(rows).order_by("ts_us"), sqlite.dialect(paramstyle="named"))

    def _piece(self, batch: pa.RecordBatch) -> pa.Table:
        is_full = _count_features(self.kinds) >= self.max_features
        features = convert_features(batch.column("features"), self.kinds, self.empty, is_full=is_full)
        predictions = convert_scalars(PREDICTION, batch.column("y_pred"), self.kinds.get(PREDICTION))
        truths = self._labels(batch)
        self._stop_at_unseen(features, predictions, truths)
        dates = self.days.of_many(batch.column("ts_us").to_numpy())
        for day, rows in zip(*np.unique(dates, return_counts=True), strict=True):
            self.counts[str(day)] += int(rows)
        misfits = _merged(features.misfits, predictions.misfits, truths.misfits)
        self.violations.update(column for columns in misfits.values() for column in columns)
        columns = {
            **{name: batch.column(name) for name in (*_IDS, *_LABELS, "latency_ms", "y_proba")},
            **features.columns,
            **predictions.columns,
            **truths.columns,
            "day": pa.array(dates, pa.date32()),
            "ts": batch.column("ts_us").cast(_INSTANT),
            "received_at": batch.column("received_us").cast(_INSTANT),
            KIND_VIOLATIONS: pa.array(
                [misfits.get(row) for row in range(len(dates))] if misfits else pa.nulls(len(dates))
            ),
        }
        return pa.table([_as(columns[f.name], f.type) for f in self.schema], schema=self.schema)

    def _labels(self, batch: pa.RecordBatch) -> Converted:
        kind = self.kinds.get(LABEL)
        if not self.labelled:
            return Converted({} if kind is None else {LABEL: pa.nulls(batch.num_rows, ARROW_TYPES[kind])})
        converted = convert_scalars(LABEL, batch.column("y_true"), kind)
        converted.columns[LABEL_OBSERVED] = batch.column("observed_us").cast(_INSTANT)
        return converted

    def _stop_at_unseen(self, *converted: Converted) -> None:
        unseen = {name: values for part in converted for name, values in part.unseen.items()}
        has_room = len(self.empty) < self.max_features  # of columns with only nulls, which are read faster if known
        self.unseen = {
            name: values for name, values in unseen.items() if values or (has_room and name not in self.empty)
        }
        if self.unseen:
            raise UnseenColumnsError(f"columns without a kind: {', '.join(sorted(self.unseen))}")


@dataclass(frozen=True, slots=True)
class StoredDays:
    """The result of a commit: version, rows by day, misfits by column, and kinds of new columns."""

    version: int
    counts: Mapping[str, int]
    violations: Mapping[str, int]
    learned: Mapping[str, str]


def store_days(
    database: Database, reader: ArrowReader, lake: Lake, items: Sequence[DayState], learn: Learn, max_features: int
) -> StoredDays:
    """Replace the lake's rows of consecutive days of one model by the stored events and labels, in one commit.

    Parameters
    ----------
    max_features : features of the model that get a kind and a column, at most.
    """
    kinds = KindStore(database)
    project_id, model_id, _ = items[0].key
    bounds_us = min(item.bounds_us for item in items)[0], max(item.bounds_us for item in items)[1]
    row_bytes = _first_row_bytes(database, project_id, model_id, bounds_us)
    learned: dict[str, str] = {}
    empty: set[str] = set()
    while True:
        stored_kinds = kinds.of(project_id, model_id)
        labelled = any(item.labels for item in items)
        rows = EventRows(
            reader,
            project_id,
            model_id,
            local_days(items[0].timezone),
            bounds_us,
            stored_kinds,
            max_features,
            labelled,
            empty,
        )
        rows.piece_rows = max(_PIECE_BYTES // max(row_bytes, _VALUE_BYTES * len(stored_kinds), 1), 1)
        try:
            version = lake.replace_days(project_id, model_id, [item.day for item in items], rows.stream)
        except (UnseenColumnsError, DeltaError, OSError):
            if not rows.unseen:
                raise
            new_kinds = {name: learn(name, values[:LEARN_VALUES]) for name, values in rows.unseen.items()}
            new_kinds = _drop_surplus(new_kinds, max_features - _count_features(stored_kinds))
            if new_kinds.get(LABEL) and (stored_kinds.get(PREDICTION) or new_kinds.get(PREDICTION)):
                new_kinds[LABEL] = (
                    stored_kinds.get(PREDICTION) or new_kinds[PREDICTION]
                )  # labels are compared with predictions
            learned |= {name: kind for name, kind in new_kinds.items() if kind is not None}
            empty |= {name for name, kind in new_kinds.items() if kind is None}
            kinds.learn(project_id, model_id, learned)
        else:
            return StoredDays(version, dict(rows.counts), dict(rows.violations), learned)


def _count_features(columns: Iterable[str]) -> int:
    return sum(column.startswith(FEATURE_PREFIX) for column in columns)


def _drop_surplus(kinds: Mapping[str, str | None], room: int) -> dict[str, str | None]:
    """Return the kinds without those of features for which there is no room; the first that were sent stay."""
    features = [column for column, kind in kinds.items() if kind is not None and column.startswith(FEATURE_PREFIX)]
    surplus = set(features[max(room, 0) :])
    return {column: kind for column, kind in kinds.items() if column not in surplus}


def _first_row_bytes(database: Database, project_id: str, model_id: str, bounds_us: tuple[int, int]) -> int:
    """Return the length of the longest features among the first rows."""
    of_range = of_instants(events, project_id, model_id, bounds_us)
    length = func.length(events.c.features).label("length")
    first = select(length).where(of_range).order_by(events.c.ts_us).limit(_WIDTH_ROWS).subquery()
    with database.read() as connection:
        return connection.scalar(select(func.max(first.c.length))) or 0


def _prefetched(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the same batches, each read from the database while the one before is processed."""
    with ThreadPoolExecutor(1, thread_name_prefix="events") as pool:
        ahead = pool.submit(next, batches, None)
        while (batch := ahead.result()) is not None:
            ahead = pool.submit(next, batches, None)
            if batch.num_rows:
                yield batch


def _literal_sql(statement: ClauseElement, dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _as(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if pa.types.is_dictionary(kind):
        return column.cast(kind.value_type).dictionary_encode()
    return column.cast(kind)


def _merged(*parts: Mapping[int, list[str]]) -> dict[int, list[str]]:
    rows = sorted({row for part in parts for row in part})
    return {row: [column for part in parts for column in part.get(row, ())] for row in rows}
