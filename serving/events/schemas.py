"""The event contract as types: one C call checks a whole batch; where it fails, each row is told what is wrong with it.

Which projects exist and which instants they take is not known here.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol, cast

import msgspec
from msgspec import Meta

from guard_store.settings import Settings

_ID_LENGTH = 128  # of the columns of `events`
_LARGEST = sys.float_info.max
_SHOWN_CHARACTERS = 80

Scalar = float | int | str | bool | None


class Event(Protocol):
    """An event that keeps the contract."""

    project_id: str
    model_id: str
    timestamp: datetime
    latency_ms: float
    y_pred: Scalar
    features: dict[str, Scalar]
    y_proba: float | None
    endpoint: str | None
    event_id: str | None
    request_id: str | None
    model_version: str | None
    segment: str | None


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row is rejected: its place in the request, the field, what would be right; ids where readable."""

    index: int
    field: str
    reason: str
    project_id: str | None = None
    model_id: str = ""

    @property
    def counted_field(self) -> str:
        """The field under which it is counted: one of the contract's, whatever the sender writes."""
        name = self.field.partition(".")[0]
        return name if name in FIELDS else "unknown"


FIELDS = frozenset(Event.__annotations__) | {"row", "batch"}


class EventSchema:
    """The contract with the limits of some settings."""

    def __init__(self, settings: Settings) -> None:
        id_length = min(settings.max_name_length, _ID_LENGTH)
        identifier = Annotated[str, Meta(min_length=1, max_length=id_length)]
        self._name = Annotated[str, Meta(min_length=1, max_length=settings.max_name_length)]
        self._scalar: Any = (
            Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
            | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
            | Annotated[str, Meta(max_length=settings.max_value_length)]
            | bool
            | None
        )
        names, scalars = self._name, self._scalar
        self._event: Any = msgspec.defstruct(
            "Event",
            [
                ("project_id", identifier),
                ("model_id", identifier),
                ("timestamp", Annotated[datetime, Meta(tz=True)]),
                ("latency_ms", Annotated[float, Meta(ge=0, le=_LARGEST)]),
                ("y_pred", scalars),
                ("features", Annotated[dict[names, scalars], Meta(max_length=settings.max_features)]),  # type: ignore[valid-type]
                ("y_proba", Annotated[float, Meta(ge=0, le=1)] | None, None),
                *((name, identifier | None, None) for name in _OPTIONAL_IDS),
            ],
            kw_only=True,
            forbid_unknown_fields=True,
            gc=False,
        )
        self._expected = _expectations(settings, id_length)
        self._one = msgspec.json.Decoder(self._event)
        self._many = msgspec.json.Decoder(list[self._event])  # type: ignore[name-defined]

    def decode_one(self, text: bytes) -> Event:
        """An event of JSON text.

        Raises
        ------
        msgspec.DecodeError, UnicodeDecodeError, RecursionError
            Where the text or the event is wrong; `explain` knows more.
        """
        event = cast("Event", self._one.decode(text))
        _refuse_nul(text)
        return event

    def decode_many(self, text: bytes) -> list[Event]:
        """The events of a JSON array; raises as `decode_one`."""
        events = cast("list[Event]", self._many.decode(text))
        _refuse_nul(text)
        return events

    def decode_lines(self, text: bytes) -> list[Event]:
        """The events of lines of JSON; raises as `decode_one`."""
        events = cast("list[Event]", self._one.decode_lines(text))
        _refuse_nul(text)
        return events

    def check(self, row: object, index: int) -> Event | RowError:
        """One row as plain Python objects: the event, or what is wrong with it."""
        if not isinstance(row, Mapping):
            return RowError(index, "row", f"must be an object with the fields of an event, is {_kind(row)}")
        problem = _unstorable(row)
        if problem is None:
            try:
                event: Event = msgspec.convert(row, self._event)
            except msgspec.ValidationError as error:
                problem = self._explain(row, str(error))
            else:
                return event
        field, reason = problem
        return RowError(index, field, reason, _readable(row, "project_id"), _readable(row, "model_id") or "")

    def _explain(self, row: Mapping[Any, Any], message: str) -> tuple[str, str]:
        what, _, path = message.partition(" - at ")
        field = path.partition("$.")[2].rstrip("`").partition("[")[0]
        if field == "features":
            return self._explain_features(row["features"])
        if field == "timestamp" and "timezone" in what:
            return field, "has no offset: send UTC with a Z at the end, or the offset, as in 2025-01-01T00:00:00+01:00"
        if field:
            return field, f"must be {self._expected[field]}"
        name = what.partition("`")[2].rstrip("`")
        if "unknown" in what:
            return _shown(name), f"is not a field of an event; the fields are {', '.join(Event.__annotations__)}"
        return name, f"is missing: must be {self._expected[name]}"

    def _explain_features(self, features: object) -> tuple[str, str]:
        if isinstance(features, Mapping):
            for name, value in features.items():
                if not self._fits(name, self._name):
                    return f"features.{_shown(name)}", f"its name must be {self._expected['feature name']}"
                if isinstance(value, (Mapping, list, tuple)):
                    return f"features.{_shown(name)}", "is nested: send one flat feature for each value in it"
                if not self._fits(value, self._scalar):
                    return f"features.{_shown(name)}", f"must be {self._expected['y_pred']}"
        return "features", f"must be {self._expected['features']}"

    @staticmethod
    def _fits(value: object, wanted: Any) -> bool:
        try:
            msgspec.convert(value, wanted)
        except msgspec.ValidationError:
            return False
        return True


_OPTIONAL_IDS = ("endpoint", "event_id", "request_id", "model_version", "segment")


def _expectations(settings: Settings, id_length: int) -> dict[str, str]:
    text = f"a string of 1 to {id_length} characters"
    scalar = (
        "a finite number (integers within 64 bits), a boolean, null or a string of at most"
        f" {settings.max_value_length} characters"
    )
    return {
        "project_id": text,
        "model_id": text,
        "timestamp": "RFC 3339 text with an offset, as in 2025-01-01T00:00:00Z",
        "latency_ms": "a finite number of milliseconds, 0 or more",
        "y_pred": scalar,
        "features": f"a flat object of at most {settings.max_features} features",
        "feature name": f"1 to {settings.max_name_length} characters",
        "y_proba": "a number from 0 to 1, or null",
        **dict.fromkeys(_OPTIONAL_IDS, f"{text}, or left out"),
    }


def _refuse_nul(text: bytes) -> None:
    # PostgreSQL stores no NUL. The text may still mean a backslash: the slow way finds out.
    if b"\\u0000" in text:
        raise msgspec.ValidationError("perhaps a NUL character")


def _unstorable(row: Mapping[Any, Any], prefix: str = "") -> tuple[str, str] | None:
    """A field whose name or value no database takes; deeper levels than the features' are refused anyway."""
    for name, value in row.items():
        for text in (name, value):
            if isinstance(text, str) and not _is_storable(text):
                return prefix + _shown(name), "holds a NUL character or half of a surrogate pair: leave it out"
        if not prefix and isinstance(value, Mapping):
            problem = _unstorable(value, f"{_shown(name)}.")
            if problem is not None:
                return problem
    return None


def _is_storable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _readable(row: Mapping[Any, Any], field: str) -> str | None:
    value = row.get(field)
    return value if isinstance(value, str) and 0 < len(value) <= _ID_LENGTH and _is_storable(value) else None


def _shown(name: object) -> str:
    shown = str(name)[:_SHOWN_CHARACTERS]
    return shown.encode(errors="replace").decode().replace("\0", "?")


def _kind(value: object) -> str:
    kinds = {type(None): "null", bool: "a boolean", str: "a string", list: "an array"}
    return kinds.get(type(value), "a number")
