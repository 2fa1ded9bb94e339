"""The ledger as CSV: written by `/api/v1/audit/export`, read by the offline verification."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final, get_args

import msgspec

from guard_store.ledger.entry import COLUMNS, LedgerRow, row_values

_PIECE_ROWS = 1_000
_NULLABLE: Final = frozenset(
    field.name for field in msgspec.structs.fields(LedgerRow) if type(None) in get_args(field.type)
)


def write_csv(rows: Iterable[LedgerRow]) -> Iterator[str]:
    """Yield the rows as CSV, in pieces, with the names of the columns first."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for n, row in enumerate(rows, 1):
        writer.writerow(["" if value is None else _text(value) for value in row_values(row)])
        if n % _PIECE_ROWS == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def read_csv(lines: Iterable[str]) -> Iterator[LedgerRow]:
    """Yield the rows of an export, converted to the types of their fields; without a version, hashes are of version 1.

    Raises
    ------
    ValueError
        If the first line does not have the names of the ledger's columns, or a value does not fit its field.
    """
    reader = csv.reader(lines)
    columns = next(reader, [])
    if not set(COLUMNS) - {"hash_version"} <= set(columns) <= set(COLUMNS):
        raise ValueError("the first line does not name the ledger's columns")
    for texts in reader:
        values: dict[str, str | None] = {"hash_version": "1"}
        for name, text in zip(columns, texts, strict=True):
            values[name] = None if not text and name in _NULLABLE else text
        yield msgspec.convert([values[name] for name in LedgerRow.__struct_fields__], LedgerRow, strict=False)


def _text(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value
