"""Validation of rows of any kind: types are checked in C, and errors are located row by row.

The fields of events and labels are in their `schemas`.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

import msgspec

from serving.ingest.repeated_names import REASON, count_distinct, count_names, find_repeated

R = TypeVar("R")

ID_LENGTH = 128  # length of the columns of `events` and `labels`
INSTANT = "RFC 3339 text with an offset, as in 2025-01-01T00:00:00Z, with hours up to 23 and seconds up to 59 (no leap seconds)"
"""Description of an instant in error messages."""
_SHOWN_CHARACTERS = 80
_ZONE_NAME = re.compile(r" ?([+-]\d\d:?\d\d) [A-Z]{3,5}$|\[.*\]$")  # Go, and RFC 9557: the offset decides
_NAMED_UTC = re.compile(r"(?<=\d) ?(?:UTC|GMT)$")
_plain = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class RowError:
    """The error of a rejected row.

    Attributes
    ----------
    index : index of the row in the request.
    field : the invalid field.
    reason : what is wrong, and how to correct it; continues a sentence that begins with the field.
    project_id, model_id : ids of the row, if they are readable.
    """

    index: int
    field: str
    reason: str
    project_id: str | None = None
    model_id: str = ""


class RowSchema(Generic[R]):
    """The contract of one kind of row.

    Parameters
    ----------
    noun : noun for a row in error messages, with its article.
    struct : the msgspec type of a row.
    expected : description of the valid values of each field.
    instants : fields that are instants with an offset.

    Attributes
    ----------
    array_error : message for a body that is not an array.
    accepts_object : whether a body may be one JSON object instead of an array.
    """

    array_error = "The body is not a JSON array."
    accepts_object = False

    def __init__(self, noun: str, struct: Any, expected: Mapping[str, str], instants: frozenset[str]) -> None:
        self.noun = noun
        self._struct = struct
        self._expected = expected
        self._instants = instants
        self._one = msgspec.json.Decoder(struct)
        self._many = msgspec.json.Decoder(list[struct])
        self._counted = frozenset(field.name for field in msgspec.structs.fields(struct)) | {"row", "batch"}

    def decode_one(self, text: bytes) -> R:
        """Decode a row of JSON text.

        Raises
        ------
        msgspec.DecodeError, UnicodeDecodeError, RecursionError
            If the text or the row is invalid; `check` returns the details.
        """
        row = cast("R", self._one.decode(text))
        self._refuse_suspicious(text, (row,), msgspec.json.decode)
        return row

    def decode_many(self, text: bytes) -> list[R]:
        """Decode the rows of a JSON array; raises as `decode_one`."""
        rows = cast("list[R]", self._many.decode(text))
        self._refuse_suspicious(text, rows, msgspec.json.decode)
        return rows

    def decode_lines(self, text: bytes) -> list[R]:
        """Decode the rows of lines of JSON; raises as `decode_one`."""
        rows = cast("list[R]", self._one.decode_lines(text))
        self._refuse_suspicious(text, rows, _plain.decode_lines)
        return rows

    def count_names(self, row: R) -> int:
        """Return how many names the shortest JSON of a row has: without optional fields that are null."""
        raise NotImplementedError

    def check(self, row: object, index: int) -> R | RowError:
        """Validate a row of plain Python objects; return it as a struct, or its error."""
        if not isinstance(row, Mapping):
            return RowError(index, "row", f"must be an object with the fields of {self.noun}, is {_kind(row)}")
        repeated = find_repeated(row)
        row = self.normalise(row)
        problem = _unstorable(row) if repeated is None else (sanitise_name(repeated), REASON)
        if problem is None:
            try:
                checked: R = msgspec.convert(row, self._struct)
            except msgspec.ValidationError as error:
                problem = self._explain(row, str(error))
            else:
                return checked
        field, reason = problem
        return RowError(index, field, reason, _readable(row, "project_id"), _readable(row, "model_id") or "")

    def normalise(self, row: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Return the row with null in place of NaN, also among its features, and instants read; other kinds of rows correct more."""
        return {
            name: _read_instant(value) if name in self._instants and isinstance(value, str) else _without_nan(value)
            for name, value in row.items()
        }

    def counted_field(self, error: RowError) -> str:
        """Return the field under which an error is counted, always one of the contract's or `unknown`: a bounded set."""
        name = error.field.partition(".")[0]
        return name if name in self._counted else "unknown"

    def _refuse_suspicious(self, text: bytes, rows: Sequence[R], decode_plain: Callable[[bytes], Any]) -> None:
        """Refuse text that may hold what msgspec lets pass; `check` decides about its rows."""
        # PostgreSQL stores no NUL. The text may be an escaped backslash followed by u0000.
        if b"\\" in text and b"\\u0000" in text:  # most texts have no backslash, and a single byte is found faster
            raise msgspec.ValidationError("perhaps a NUL character")
        names = count_names(text) if rows else 0
        if names != sum(map(self.count_names, rows)) and names != count_distinct(decode_plain(text)):
            raise msgspec.ValidationError("perhaps a name that comes twice")

    def _explain(self, row: Mapping[Any, Any], message: str) -> tuple[str, str]:
        reason, _, path = message.partition(" - at ")
        field = path.partition("$.")[2].rstrip("`").partition("[")[0]
        if field in self._instants and "timezone" in reason:
            return field, "has no offset: send UTC with a Z at the end, or the offset, as in 2025-01-01T00:00:00+01:00"
        if field:
            return self._explain_value(field, row[field])
        name = reason.partition("`")[2].rstrip("`")
        if "unknown" in reason:
            fields = ", ".join(f.name for f in msgspec.structs.fields(self._struct))
            return sanitise_name(name), f"is not a field of {self.noun}; the fields are {fields}"
        return name, f"is missing: must be {self._expected[name]}"

    def _explain_value(self, field: str, value: object) -> tuple[str, str]:  # noqa: ARG002 - for fields with parts
        return field, f"must be {self._expected[field]}"


def _unstorable(row: Mapping[Any, Any], prefix: str = "") -> tuple[str, str] | None:
    """Return the field and the reason if a name or a value cannot be stored; levels below features are refused anyway."""
    for name, value in row.items():
        for text in (name, value):
            if isinstance(text, str) and not is_storable(text):
                return prefix + sanitise_name(name), "holds a NUL character or half of a surrogate pair: leave it out"
        if not prefix and isinstance(value, Mapping):
            problem = _unstorable(value, f"{sanitise_name(name)}.")
            if problem is not None:
                return problem
    return None


def is_storable(text: str) -> bool:
    """Return whether a text can be stored by every supported database."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _read_instant(text: str) -> str | datetime:
    """Return the instant of a text in ISO 8601, or with the zone as databases and languages print it; any other text unchanged."""
    try:
        msgspec.convert(text, datetime)  # RFC 3339, in which msgspec rounds nanoseconds
    except (msgspec.ValidationError, UnicodeEncodeError):
        try:
            return datetime.fromisoformat(_NAMED_UTC.sub("Z", _ZONE_NAME.sub(r"\1", text)))
        except ValueError:
            return text
    return text


def _without_nan(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: None if _is_nan(item) else item for name, item in value.items()}
    return None if _is_nan(value) else value


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _readable(row: Mapping[Any, Any], field: str) -> str | None:
    value = row.get(field)
    return value if isinstance(value, str) and 0 < len(value) <= ID_LENGTH and is_storable(value) else None


def sanitise_name(name: object) -> str:
    """Shorten a name of the request, and replace characters that cannot be encoded, for an error message."""
    return str(name)[:_SHOWN_CHARACTERS].encode(errors="replace").decode().replace("\0", "?")


def _kind(value: object) -> str:
    kinds = {type(None): "null", bool: "a boolean", str: "a string", list: "an array"}
    return kinds.get(type(value), "a number")
