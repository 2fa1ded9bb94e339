"""What a prediction request may say; whether its features fit a model is that model's schema to say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from guard_core.ids import is_id
from serving.http.problems import Unprocessable
from serving.ingest.row_schema import is_storable, sanitise_name

_MODEL = re.compile(r"([^@/]+)(?:@([^@/]+)|/([1-9]\d*))?")
_MAX_TEXT = 128
_NUL = b"\\u0000"


# What the OpenAPI document says of a field stands in `extra_json_schema` where `read_request` checks it, in its own words.
_LENGTH: Final = {"minLength": 1, "maxLength": _MAX_TEXT}
_Features = Annotated[
    dict[str, Any], Meta(description="By name; all of the model's, and no other. null is a missing value.")
]
_EventId = Annotated[str, Meta(description="Of the event that records it; made if missing.", extra_json_schema=_LENGTH)]
_Timestamp = Annotated[datetime, Meta(description="RFC 3339 with an offset; default: now.")]
_Segment = Annotated[str, Meta(extra_json_schema={"maxLength": _MAX_TEXT})]
_Model = Annotated[str, Meta(description="`id`, `id@alias` or `id/version`; needed where there are several.")]
_ProjectId = Annotated[str, Meta(extra_json_schema=_LENGTH)]
_Explain = Annotated[bool, Meta(description="Effects of each feature, of 100 rows at most.")]


class Instance(msgspec.Struct, forbid_unknown_fields=True):
    """One row to predict."""

    features: _Features
    event_id: _EventId | None = None
    timestamp: _Timestamp | None = None
    segment: _Segment | None = None


class OneRow(msgspec.Struct, forbid_unknown_fields=True):
    """One row to predict."""

    features: _Features
    event_id: _EventId | None = None
    timestamp: _Timestamp | None = None
    segment: _Segment | None = None
    model: _Model | None = None
    project_id: _ProjectId | None = None
    explain: _Explain = False


class ManyRows(msgspec.Struct, forbid_unknown_fields=True):
    """Many rows to predict."""

    instances: Annotated[list[Instance], Meta(min_length=1)]
    model: _Model | None = None
    project_id: _ProjectId | None = None
    explain: _Explain = False


class Prediction(msgspec.Struct, kw_only=True):
    """What the model says of one row of many."""

    prediction: float | str | bool
    probability: Annotated[
        float | UnsetType, Meta(description="Of the positive class, or of the predicted one of several.")
    ] = UNSET
    event_id: str
    explanation: dict[str, Any] | UnsetType = UNSET


class OnePrediction(Prediction, kw_only=True):
    """What the model says of one row."""

    model_version: str
    request_id: str


class ManyPredictions(msgspec.Struct):
    """What the model says of many rows."""

    predictions: list[Prediction]
    model_version: str
    request_id: str


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of `OneRow` and of `ManyRows`: msgspec knows no union of structs without a tag."""

    features: _Features | None = None
    instances: list[Instance] | None = None
    model: _Model | None = None
    project_id: _ProjectId | None = None
    explain: _Explain = False
    event_id: _EventId | None = None
    timestamp: _Timestamp | None = None
    segment: _Segment | None = None


_decode = msgspec.json.Decoder(_Body).decode


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which model is asked: by its alias, `champion` unless said otherwise, or by a version; None: the only one there is."""

    project_id: str | None
    model_id: str | None
    alias: str
    version: str | None


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """A request that is well formed; `single` was sent as `features`."""

    instances: Sequence[Instance]
    single: bool
    wanted: Wanted
    explain: bool


def read_request(body: bytes, max_instances: int, max_value_length: int) -> PredictRequest:
    """The request that a body says; `max_value_length` is in characters of a feature.

    Raises
    ------
    Unprocessable
        Naming the field and the fix.
    """
    try:
        given = _decode(body)
    except msgspec.ValidationError as error:
        raise _wrong(_field(str(error)), str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unprocessable(f"The body is not JSON: {error}.") from None
    except RecursionError:
        raise _wrong("features", "are nested too deeply: they are flat") from None
    single = given.features is not None
    if single == (given.instances is not None):
        raise _wrong("features", "send either features, an object, or instances, a list of objects with features")
    if given.features is not None:
        rows = [Instance(given.features, given.event_id, given.timestamp, given.segment)]
    else:
        rows = given.instances or []
        if given.event_id is not None or given.timestamp is not None or given.segment is not None:
            raise _wrong("instances", "each instance has event_id, timestamp and segment of its own")
    if not 1 <= len(rows) <= max_instances:
        raise _wrong("instances", f"must hold 1 to {max_instances} rows, holds {len(rows)}")
    _check_envelopes(rows, single=single)
    if (
        len(body) > max_value_length or _NUL in body
    ):  # else no text in it can be too long, or one that no database takes
        _check_texts(rows, max_value_length, single=single)
    return PredictRequest(rows, single, _wanted(given), given.explain)


def _check_envelopes(rows: Sequence[Instance], *, single: bool) -> None:
    for index, row in enumerate(rows):
        path = "" if single else f"instances[{index}]."
        if row.event_id is not None and not (0 < len(row.event_id) <= _MAX_TEXT):
            raise _wrong(f"{path}event_id", f"must have 1 to {_MAX_TEXT} characters")
        if row.segment is not None and len(row.segment) > _MAX_TEXT:
            raise _wrong(f"{path}segment", f"must have at most {_MAX_TEXT} characters")
        if row.timestamp is not None and row.timestamp.tzinfo is None:
            raise _wrong(f"{path}timestamp", "needs an offset from UTC, such as Z or -05:00")


def _check_texts(rows: Sequence[Instance], max_length: int, *, single: bool) -> None:
    for index, row in enumerate(rows):
        path = "" if single else f"instances[{index}]."
        features = {
            f"features.{sanitise_name(name)}": value for name, value in row.features.items() if type(value) is str
        }
        for field, value in {"event_id": row.event_id, "segment": row.segment, **features}.items():
            if value is not None and not is_storable(value):
                raise _wrong(path + field, "holds a NUL character: leave it out")
            if value is not None and len(value) > max_length:
                raise _wrong(path + field, f"must have at most {max_length} characters")


def _wanted(given: _Body) -> Wanted:
    if given.project_id is not None and not is_id(given.project_id):
        raise _wrong("project_id", "is not the id of a project")
    if given.model is None:
        return Wanted(given.project_id, None, "champion", None)
    match = _MODEL.fullmatch(given.model)
    if match is None or not is_id(match[1]) or (match[2] and not is_id(match[2])):
        raise _wrong("model", "must be a model's id, id@alias or id/version")
    return Wanted(given.project_id, match[1], match[2] or "champion", match[3])


def _field(message: str) -> str:
    """The place that msgspec names at the end of its message."""
    place = re.search(r"at `\$\.?(.*?)`$", message)
    return place[1] if place and place[1] else "body"


def _wrong(field: str, reason: str) -> Unprocessable:
    return Unprocessable(f"{field}: {reason}.", errors=[{"field": field, "reason": reason}])
