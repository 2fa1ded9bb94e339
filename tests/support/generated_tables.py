"""Random tables as files, with what pandas reads of them: types, missing words, encodings, delimiters, sizes and names."""

import csv
import io
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import select

from guard_store.db.database import Database
from guard_store.ingest.tables import events
from tests.support.event_requests import event

Maker = Callable[[np.random.Generator, int], list[str]]
_MAKERS: dict[str, Maker] = {
    "number": lambda rng, rows: [f"{value:.3f}" for value in rng.normal(size=rows)],
    "integer": lambda rng, rows: [str(value) for value in rng.integers(-50, 50, rows)],
    "small integer": lambda rng, rows: [str(value) for value in rng.integers(0, 4, rows)],
    "long integer": lambda rng, rows: [str(value) + "0" * 16 for value in rng.integers(1, 999, rows)],
    "decimal": lambda rng, rows: [f"{value:.2f}" for value in rng.integers(0, 10**6, rows) / 100],
    "postal": lambda rng, rows: [f"{value:05}" for value in rng.integers(0, 100_000, rows)],
    "boolean": lambda rng, rows: rng.choice(["True", "False"], rows).tolist(),
    "label": lambda rng, rows: rng.choice(["Zürich", "a b", 'say "x"', "two\nlines", "x,y;z|"], rows).tolist(),
    "id": lambda rng, rows: [f"id-{value}" for value in rng.integers(0, 10**9, rows)],
    "text": lambda rng, rows: ["Grüße " * int(value) + str(value) for value in rng.integers(1, 60, rows)],
    "day": lambda rng, rows: [f"2024-01-{value:02}" for value in rng.integers(1, 28, rows)],
    "instant": lambda rng, rows: [f"2024-01-01T{value:02}:00:00Z" for value in rng.integers(0, 24, rows)],
    "infinite": lambda rng, rows: rng.choice(["inf", "-inf", "1.5"], rows).tolist(),
    "constant": lambda _, rows: ["same"] * rows,
}
_DECIMALS = ("number", "decimal")
_NAMES = (
    "age", "feature_age", "feature_income", "y_pred", "y_true", "latency_ms", "ts", "größe", "a b", " padded ", "a,b", "a.b",
    "line\nfeed", "50%", "x[1]<2", "features", "0", 'say "x"',
)  # fmt: skip
_WORDS = ("", "N/A", "n/a", "#N/A", "<NA>", "NaN", "null")
_ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252")


@dataclass(frozen=True)
class GeneratedTable:
    """A file and what pandas reads of it.

    Attributes
    ----------
    content : the bytes of a CSV file.
    header : names of the columns as written; pandas renames repeated and empty ones.
    text : all columns as text; missing values are NaN.
    typed : the columns with the types that pandas infers.
    """

    content: bytes
    header: tuple[str, ...]
    text: pd.DataFrame
    typed: pd.DataFrame

    @property
    def is_regular(self) -> bool:
        """Whether it has rows, and each column a name of its own."""
        return len(self.text) > 0 and self.has_distinct_names and "" not in self.header

    @property
    def has_distinct_names(self) -> bool:
        """Whether no two columns have the same name."""
        return len(set(self.header)) == len(self.header)


def table_seeds() -> range:
    """Return the seeds to test: a few, or as many as the variable GENERATED_TABLES names."""
    return range(int(os.environ.get("GENERATED_TABLES", "24")))


def generate_table(rng: np.random.Generator, *, regular: bool = False) -> GeneratedTable:
    """Generate a table; a regular one has rows, and each column a name of its own."""
    rows = int(rng.choice([1, 2, 40, 300] if regular else [0, 1, 2, 40, 120, 300]))
    header = rng.permutation(_NAMES)[: rng.integers(1, 9)].tolist()
    if not regular and rng.random() < 0.1:
        header += [str(rng.choice(["", header[0]]))] * int(rng.integers(1, 3))
    delimiter = str(rng.choice([",", ";", "\t", "|"])) if len(header) > 1 else ","
    decimal = str(rng.choice([".", ","])) if delimiter != "," else "."
    columns = [_make_column(rng, rows, decimal) for _ in header]
    frame = pd.DataFrame(dict(enumerate(columns)), dtype=object)
    text = frame.to_csv(
        index=False,
        header=header,
        sep=delimiter,
        lineterminator=str(rng.choice(["\n", "\r\n"])),
        quoting=csv.QUOTE_ALL if rng.random() < 0.2 else csv.QUOTE_MINIMAL,
    )
    return _encode(text, str(rng.choice(_ENCODINGS)), tuple(header), sep=delimiter, decimal=decimal)


def generate_events(table: GeneratedTable, prefix: str) -> list[dict[str, Any]]:
    """Return each row as an event: the first column is its prediction, all are its features, dates are timestamps of pandas."""
    features = table.typed.set_axis(list(table.header), axis=1) if table.has_distinct_names else table.typed
    dates = [name for name in features if _holds_dates(features[name])]
    rows = features.assign(**{name: pd.to_datetime(features[name]) for name in map(str, dates)}).to_dict("records")
    return [
        event(event_id=f"{prefix}-{i}", y_pred=next(iter(row.values())), features=row) for i, row in enumerate(rows)
    ]


def unacceptable_fields(row: dict[str, Any], longest_text: int) -> set[str]:
    """Return the fields of an event that no server accepts."""
    values = {"y_pred": row["y_pred"], **{f"features.{name}": value for name, value in row["features"].items()}}
    return {field for field, value in values.items() if field == "features." or not _is_acceptable(value, longest_text)}


def expected_values(row: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the prediction and the features that are stored of an event: what pandas reads as missing is null."""
    features = {name: None if pd.isna(value) else value for name, value in row["features"].items()}
    return None if pd.isna(row["y_pred"]) else row["y_pred"], features


def stored_values(database: Database, prefix: str) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Read the predictions and features of the events whose ids begin so, by id."""
    with database.read() as connection:
        rows = connection.execute(select(events).where(events.c.event_id.startswith(f"{prefix}-"))).all()
    return {row.event_id: (json.loads(row.y_pred), json.loads(row.features)) for row in rows}


def _holds_dates(column: pd.Series) -> bool:
    present = column.dropna().astype(str)
    return len(present) > 0 and bool(present.str.startswith("2024-01-").all())


def _is_acceptable(value: Any, longest_text: int) -> bool:
    if pd.isna(value):
        return True
    if isinstance(value, str):
        return len(value) <= longest_text
    if isinstance(value, pd.Timestamp):
        return False
    return math.isfinite(value) and (isinstance(value, float) or -(2**63) <= value < 2**63)


def _make_column(rng: np.random.Generator, rows: int, decimal: str) -> list[str]:
    kind = str(rng.choice(list(_MAKERS)))
    values = _MAKERS[kind](rng, rows)
    if kind in _DECIMALS:
        values = [value.replace(".", decimal) for value in values]
    is_missing = rng.random(rows) < rng.choice([0, 0.1, 0.6, 1], p=[0.4, 0.3, 0.2, 0.1])
    words = rng.choice(_WORDS, rows).tolist()
    return [word if missing else value for value, word, missing in zip(values, words, is_missing, strict=True)]


def _encode(text: str, encoding: str, header: tuple[str, ...], **dialect: Any) -> GeneratedTable:
    content = text.encode(encoding)
    text_columns, typed = (
        pd.read_csv(io.BytesIO(content), encoding=encoding, dtype=dtype, **dialect) for dtype in (str, None)
    )
    return GeneratedTable(content, header, text_columns, typed)
