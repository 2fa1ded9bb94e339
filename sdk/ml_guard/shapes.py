"""Events, labels and rows to predict as they are sent.

Types and required fields are checked here; limits and plausibility are checked by the server.
"""

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, field, fields
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from numbers import Real
from typing import Any, TypeVar
from uuid import UUID

_SCALARS = (str, int, float, bool, type(None))
_MISSING_TYPES = frozenset({"NAType", "NaTType", "MaskedConstant"})  # of pandas and numpy, which need not be installed
_TIME_TYPES = frozenset({"datetime64", "timedelta64"})  # of numpy; their Python value is a plain number in some units
_ALWAYS_VALID = frozenset({str, int, bool, type(None)})
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode

Scalar = str | int | float | bool | None


def new_id() -> str:
    """Return a random id, as long as a UUID and quicker to make."""
    return os.urandom(16).hex()


@dataclass(frozen=True, kw_only=True)
class Event:
    """One inference. `timestamp` defaults to now, `event_id` to a new id, so that an Event that is sent twice is stored once."""

    project_id: str
    model_id: str
    y_pred: Scalar
    features: Mapping[str, Scalar]
    latency_ms: float | None = None
    y_proba: float | None = None
    endpoint: str | None = None
    timestamp: datetime | str | None = None
    event_id: str = field(default_factory=new_id)
    request_id: str | None = None
    model_version: str | None = None
    segment: str | None = None

    def __post_init__(self) -> None:
        set_frozen = object.__setattr__
        for name in ("project_id", "model_id", "event_id"):
            set_frozen(self, name, _text(name, getattr(self, name), required=True))
        for name in ("endpoint", "request_id", "model_version", "segment"):
            set_frozen(self, name, _text(name, getattr(self, name), required=False))
        instant = datetime.now(timezone.utc) if self.timestamp is None else self.timestamp
        set_frozen(self, "timestamp", _instant("timestamp", instant))
        for name in ("latency_ms", "y_proba"):
            set_frozen(self, name, _number(name, getattr(self, name)))
        set_frozen(self, "y_pred", _scalar("y_pred", self.y_pred))
        set_frozen(self, "features", _features(self.features))


@dataclass(frozen=True, kw_only=True)
class Label:
    """The true outcome of an event, known at `observed_at` (default: now)."""

    project_id: str
    event_id: str
    y_true: Scalar
    observed_at: datetime | str | None = None

    def __post_init__(self) -> None:
        for name in ("project_id", "event_id"):
            object.__setattr__(self, name, _text(name, getattr(self, name), required=True))
        observed = datetime.now(timezone.utc) if self.observed_at is None else self.observed_at
        object.__setattr__(self, "observed_at", _instant("observed_at", observed))
        object.__setattr__(self, "y_true", _scalar("y_true", self.y_true))
        if self.y_true is None:
            raise ValueError("y_true: a label needs a value, not None")


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One row to predict; the server takes the present where `timestamp` is left out."""

    features: Mapping[str, Scalar]
    event_id: str | None = None
    timestamp: datetime | str | None = None
    segment: str | None = None

    def __post_init__(self) -> None:
        set_frozen = object.__setattr__
        set_frozen(self, "features", _features(self.features))
        for name in ("event_id", "segment"):
            set_frozen(self, name, _text(name, getattr(self, name), required=False))
        if self.event_id == "":
            raise ValueError("event_id: must not be empty")
        if self.event_id is None:  # an id made here, so that the request can be repeated
            set_frozen(self, "event_id", new_id())
        if self.timestamp is not None:
            set_frozen(self, "timestamp", _instant("timestamp", self.timestamp))


Row = TypeVar("Row", Event, Label, Instance)
_REQUIRED: Mapping[type, Mapping[str, bool]] = {
    shape: {f.name: f.default is MISSING and f.default_factory is MISSING for f in fields(shape)}
    for shape in (Event, Label, Instance)
}


def encode(row: Event | Label | Instance) -> bytes:
    """Encode a row as a JSON object, without optional fields that have no value."""
    try:
        return _encode(
            {name: value for name, value in vars(row).items() if value is not None or name == "y_pred"}
        ).encode()
    except ValueError:
        raise ValueError(_explain_unencodable(row)) from None


def _explain_unencodable(row: Event | Label | Instance) -> str:
    """Return the first field that cannot be encoded, with the reason."""
    for name, value in vars(row).items():
        parts = value.items() if isinstance(value, Mapping) else [(None, value)]
        for feature, item in parts:
            problem = _encoding_problem([feature, item])
            if problem is not None:
                field_name = name if feature is None else f"{name}.{feature}"
                return f"{field_name.encode(errors='backslashreplace').decode()}: {problem}"
    raise AssertionError("unreachable: one of the fields cannot be encoded")


def _encoding_problem(part: object) -> str | None:
    try:
        _encode(part).encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair, which is no character; leave it out"
    except ValueError:
        return "has too many digits; integers are within 64 bits, other numbers are floats"
    return None


def encoded_rows(rows: Iterable[Row | Mapping[str, Any]], shape: type[Row], name: str = "rows") -> Iterator[bytes]:
    """Encode each row as a JSON object; an error names the row and the field, as in `rows[17].latency_ms: …`."""
    for index, row in enumerate(rows):
        try:
            encoded = encode(shaped(row, shape))
        except TypeError as error:
            raise TypeError(f"{name}[{index}].{error}") from None
        except ValueError as error:
            raise ValueError(f"{name}[{index}].{error}") from None
        yield encoded


def encode_fields(fields: Mapping[str, Any], shape: type[Row]) -> bytes:
    """Encode the fields of a row, checked only where JSON has no value for one; the server checks the others."""
    name = "timestamp" if shape is Event else "observed_at"
    instant = fields.get(name)
    try:
        if isinstance(instant, datetime):
            fields = {
                **fields,
                name: instant.isoformat() if instant.tzinfo is timezone.utc else _instant(name, instant),
            }
        return _encode(fields).encode()
    except (TypeError, ValueError):
        return encode(shaped(fields, shape))


def check_event_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Check some fields of an event, and return their values as they are sent."""
    others: dict[str, Any] = {"project_id": "-", "model_id": "-", "y_pred": None, "features": {}}
    event = Event(**{**others, **fields})
    return {name: getattr(event, name) for name in fields}


def shaped(row: Row | Mapping[str, Any], shape: type[Row]) -> Row:
    """Return a row as its dataclass, checked; an error begins with the field."""
    return row if isinstance(row, shape) else shape(**_checked_fields(row, _REQUIRED[shape]))


def chunks(lines: Iterable[bytes], *, max_rows: int, max_bytes: int) -> Iterator[list[bytes]]:
    """Group lines into requests; a line that is too long gets its own request, which the server rejects."""
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        if chunk and (len(chunk) == max_rows or size + len(line) > max_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line)
    if chunk:
        yield chunk


def _checked_fields(row: object, required: Mapping[str, bool]) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise TypeError(
            f"row: a mapping or a dataclass of ml_guard is needed, not {type(row).__name__};"
            " of a data frame, send to_dict('records') (pandas) or to_dicts() (polars)"
        )
    for name in row:
        if name not in required:
            raise TypeError(f"{name}: is not a field; the fields are {', '.join(required)}")
    for name, is_required in required.items():
        if is_required and name not in row:
            raise TypeError(f"{name}: is missing")
    return row


def _text(name: str, value: object, *, required: bool) -> str | None:
    if not required and is_missing(value):
        return None
    if isinstance(value, UUID):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError(f"{name}: text is needed, not {type(value).__name__}")
    if required and not value:
        raise ValueError(f"{name}: must not be empty")
    return value


def _features(features: object) -> dict[str, Any]:
    if not isinstance(features, Mapping):
        raise TypeError(
            f"features: a mapping of names to values is needed, not {type(features).__name__}{_mapping_hint(features)}"
        )
    checked = {}
    for name, value in features.items():
        if not isinstance(name, str):
            raise TypeError(f"features: names are text, not {type(name).__name__}")
        is_valid = type(value) in _ALWAYS_VALID or (type(value) is float and math.isfinite(value))
        checked[name] = (
            value if is_valid else _scalar(f"features.{name}", value)
        )  # formats no name for valid values, which most are
    return checked


def _mapping_hint(features: object) -> str:
    if hasattr(features, "columns"):
        return "; send the rows of a frame with ingest_frame"
    methods = [method for method in ("to_dict", "_asdict") if hasattr(features, method)]  # a series; a named tuple
    return f"; send its {methods[0]}()" if methods else ""


def _scalar(name: str, value: Any) -> Any:
    if hasattr(value, "as_py"):
        value = value.as_py()  # of a scalar of pyarrow
    is_time = type(value).__name__ in _TIME_TYPES
    if type(value) not in _SCALARS and hasattr(value, "item") and not is_time and not is_missing(value):
        with suppress(ValueError, RuntimeError):  # an array of several elements is refused below, by its type
            value = value.item()  # numpy scalars cannot be encoded as JSON, but their Python values can
    if is_missing(value):
        return None
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, _SCALARS):
        value = _converted(name, value)
    if not isinstance(value, _SCALARS):
        hint = "; send its isoformat(), or a number" if isinstance(value, date) else ""
        raise TypeError(f"{name}: text, number, boolean or None is needed, not {type(value).__name__}{hint}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name}: {value} is not a finite number; send None for a missing value")
    return value


def _converted(name: str, value: object) -> object:
    """Return a number of a further type, such as Decimal, Fraction or numpy's longdouble, as float, a UUID as text; other values as they are."""
    if isinstance(value, UUID):
        return str(value)
    if not isinstance(value, (Decimal, Real)) or type(value).__name__ in _TIME_TYPES:
        return value
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name}: is too large for a float") from None


def is_missing(value: object) -> bool:
    """Whether a value stands for a missing one: None, NaN (also of Decimal), pandas' NA and NaT, and numpy's masked."""
    if isinstance(value, float):
        return math.isnan(value)
    if type(value).__name__ in _TIME_TYPES:
        return str(value) == "NaT"
    return value is None or type(value).__name__ in _MISSING_TYPES or (isinstance(value, Decimal) and value.is_nan())


def _number(name: str, value: Any) -> float | None:
    number = _scalar(name, value)
    if number is not None and (isinstance(number, bool) or not isinstance(number, (int, float))):
        raise TypeError(f"{name}: a number is needed, not {type(value).__name__}")
    return number


def _instant(name: str, value: datetime | str) -> str:
    if is_missing(value):
        raise ValueError(f"{name}: is missing ({value}); give the instant; if the field is left out, it is the present")
    if isinstance(value, str):
        return value  # the server parses it, and rejects it without an offset
    if not isinstance(value, datetime):
        raise TypeError(f"{name}: a datetime or ISO 8601 text is needed, not {type(value).__name__}")
    offset = value.utcoffset()
    if offset is None:
        raise ValueError(f"{name}: has no UTC offset; give the datetime a tzinfo, for example timezone.utc")
    if offset % timedelta(minutes=1):  # local mean times, of years before there were zones: RFC 3339 has no seconds
        value = value.astimezone(timezone.utc)
    return value.isoformat()
