"""What one row of a request must be, whatever it stands for: types checked in C, and what is wrong said row by row.

Which fields a row has is said by `schemas` of events and of labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import msgspec

R = TypeVar("R")

ID_LENGTH = 128  # of the columns of `events` and `labels`
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row is rejected: its place in the request, the field, what would be right; ids where readable."""

    index: int
    field: str
    reason: str
    project_id: str | None = None
    model_id: str = ""


class RowSchema(Generic[R]):
    """The contract of one sort of row.

    Parameters
    ----------
    what : what a row is called, with its article.
    struct : the msgspec type of a row.
    expected : what each field must be, in words.
    instants : fields that are instants with an offset.
    """

    not_an_array = "The body is not a JSON array."
    takes_object = False  # one JSON object instead of an array

    def __init__(self, what: str, struct: Any, expected: Mapping[str, str], instants: frozenset[str]) -> None:
        self.what = what
        self._struct = struct
        self._expected = expected
        self._instants = instants
        self._one = msgspec.json.Decoder(struct)
        self._many = msgspec.json.Decoder(list[struct])
        self._counted = frozenset(field.name for field in msgspec.structs.fields(struct)) | {"row", "batch"}

    def decode_one(self, text: bytes) -> R:
        """A row of JSON text.

        Raises
        ------
        msgspec.DecodeError, UnicodeDecodeError, RecursionError
            Where the text or the row is wrong; `check` knows more.
        """
        row = cast("R", self._one.decode(text))
        _refuse_nul(text)
        return row

    def decode_many(self, text: bytes) -> list[R]:
        """The rows of a JSON array; raises as `decode_one`."""
        rows = cast("list[R]", self._many.decode(text))
        _refuse_nul(text)
        return rows

    def decode_lines(self, text: bytes) -> list[R]:
        """The rows of lines of JSON; raises as `decode_one`."""
        rows = cast("list[R]", self._one.decode_lines(text))
        _refuse_nul(text)
        return rows

    def check(self, row: object, index: int) -> R | RowError:
        """One row as plain Python objects: the same as a value of the contract, or what is wrong with it."""
        if not isinstance(row, Mapping):
            return RowError(index, "row", f"must be an object with the fields of {self.what}, is {_kind(row)}")
        problem = _unstorable(row)
        if problem is None:
            try:
                checked: R = msgspec.convert(row, self._struct)
            except msgspec.ValidationError as error:
                problem = self._explain(row, str(error))
            else:
                return checked
        field, reason = problem
        return RowError(index, field, reason, _readable(row, "project_id"), _readable(row, "model_id") or "")

    def counted_field(self, error: RowError) -> str:
        """The field under which an error is counted: one of the contract's, whatever the sender writes."""
        name = error.field.partition(".")[0]
        return name if name in self._counted else "unknown"

    def _explain(self, row: Mapping[Any, Any], message: str) -> tuple[str, str]:
        what, _, path = message.partition(" - at ")
        field = path.partition("$.")[2].rstrip("`").partition("[")[0]
        if field in self._instants and "timezone" in what:
            return field, "has no offset: send UTC with a Z at the end, or the offset, as in 2025-01-01T00:00:00+01:00"
        if field:
            return self._explain_value(field, row[field])
        name = what.partition("`")[2].rstrip("`")
        if "unknown" in what:
            fields = ", ".join(f.name for f in msgspec.structs.fields(self._struct))
            return shown(name), f"is not a field of {self.what}; the fields are {fields}"
        return name, f"is missing: must be {self._expected[name]}"

    def _explain_value(self, field: str, value: object) -> tuple[str, str]:  # noqa: ARG002 - for fields with parts
        return field, f"must be {self._expected[field]}"


def _refuse_nul(text: bytes) -> None:
    # PostgreSQL stores no NUL. The text may still mean a backslash: the slow way finds out.
    if b"\\" in text and b"\\u0000" in text:  # most texts have no backslash, and one byte is found faster
        raise msgspec.ValidationError("perhaps a NUL character")


def _unstorable(row: Mapping[Any, Any], prefix: str = "") -> tuple[str, str] | None:
    """A field whose name or value no database takes; deeper levels than the features' are refused anyway."""
    for name, value in row.items():
        for text in (name, value):
            if isinstance(text, str) and not is_storable(text):
                return prefix + shown(name), "holds a NUL character or half of a surrogate pair: leave it out"
        if not prefix and isinstance(value, Mapping):
            problem = _unstorable(value, f"{shown(name)}.")
            if problem is not None:
                return problem
    return None


def is_storable(text: str) -> bool:
    """Whether every database takes the text."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _readable(row: Mapping[Any, Any], field: str) -> str | None:
    value = row.get(field)
    return value if isinstance(value, str) and 0 < len(value) <= ID_LENGTH and is_storable(value) else None


def shown(name: object) -> str:
    """A name from outside, fit for an answer."""
    shown = str(name)[:_SHOWN_CHARACTERS]
    return shown.encode(errors="replace").decode().replace("\0", "?")


def _kind(value: object) -> str:
    kinds = {type(None): "null", bool: "a boolean", str: "a string", list: "an array"}
    return kinds.get(type(value), "a number")
