"""Requests and responses of predictions; whether features fit a model is checked against the schema of the model."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from guard_core.ids import is_id
from guard_core.suggestions import suggest
from serving.http.problems import Unprocessable
from serving.ingest.repeated_names import REASON, count_distinct, count_names, find_repeated, make_object
from serving.ingest.row_schema import is_storable, sanitise_name

_MODEL = re.compile(r"([^@/]+)(?:@([^@/]+)|/([1-9]\d*))?")
_MAX_TEXT = 128
_NUL = b"\\u0000"
_EXAMPLE: Final = (
    'send one row as {"features": {"age": 31}}, or many as {"instances": [{"features": {"age": 31}}]}'
    "; beside them model, project_id and explain"
)


# Limits that `read_request` checks itself, for better messages, are only described, in `extra_json_schema`.
_LENGTH: Final = {"minLength": 1, "maxLength": _MAX_TEXT}
_Features = Annotated[
    dict[str, Any], Meta(description="By name: all features of the model, and no others. null is a missing value.")
]
_EventId = Annotated[
    str, Meta(description="Id of the event that records the row; generated if missing.", extra_json_schema=_LENGTH)
]
_Timestamp = Annotated[datetime, Meta(description="RFC 3339 with an offset; default: now.")]
_Segment = Annotated[str, Meta(extra_json_schema={"maxLength": _MAX_TEXT})]
_Model = Annotated[str, Meta(description="`id`, `id@alias` or `id/version`; required if there are several models.")]
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
    """The prediction for one row of many."""

    prediction: float | str | bool
    probability: Annotated[
        float | UnsetType, Meta(description="Of the positive class, or of the predicted one of several.")
    ] = UNSET
    event_id: str
    explanation: dict[str, Any] | UnsetType = UNSET


class OnePrediction(Prediction, kw_only=True):
    """The prediction for one row."""

    model_version: str
    request_id: str


class ManyPredictions(msgspec.Struct):
    """The predictions for many rows."""

    predictions: list[Prediction]
    model_version: str
    request_id: str


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of `OneRow` and `ManyRows`: msgspec has no union of structs without a tag."""

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
class ModelSelector:
    """Selects a model and its version.

    Attributes
    ----------
    project_id, model_id : None selects the only project or model there is.
    alias : `champion` by default.
    version : takes precedence over the alias.
    """

    project_id: str | None
    model_id: str | None
    alias: str
    version: str | None


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """A valid request; `single` if its row was sent as `features` instead of `instances`."""

    instances: Sequence[Instance]
    single: bool
    selector: ModelSelector
    explain: bool


def read_request(body: bytes, max_instances: int, max_value_length: int) -> PredictRequest:
    """Parse the body of a request.

    Parameters
    ----------
    max_value_length : most characters of the text of a feature.

    Raises
    ------
    Unprocessable
        If the body is invalid; names the field and the correction.
    """
    try:
        payload = _decode(body)
    except msgspec.ValidationError as error:
        raise _unprocessable(*_explain(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unprocessable(f"The body is not JSON: {error}.") from None
    except RecursionError:
        raise _unprocessable("features", "are nested too deeply: they are flat") from None
    _refuse_repeated(body)
    single = payload.features is not None
    if single == (payload.instances is not None):
        raise _unprocessable("features", f"must be sent, or instances, and not both: {_EXAMPLE}")
    if payload.features is not None:
        rows = [Instance(payload.features, payload.event_id, payload.timestamp, payload.segment)]
    else:
        rows = payload.instances or []
        if payload.event_id is not None or payload.timestamp is not None or payload.segment is not None:
            raise _unprocessable("instances", "each instance has event_id, timestamp and segment of its own")
    if not 1 <= len(rows) <= max_instances:
        raise _unprocessable("instances", f"must hold 1 to {max_instances} rows, holds {len(rows)}")
    _check_envelopes(rows, single=single)
    if len(body) > max_value_length or _NUL in body:  # otherwise no text in it can be too long, or impossible to store
        _check_texts(rows, max_value_length, single=single)
    return PredictRequest(rows, single, _selector(payload), payload.explain)


def _refuse_repeated(body: bytes) -> None:
    if count_names(body) == count_distinct(msgspec.json.decode(body)):
        return
    field = find_repeated(json.loads(body, object_pairs_hook=make_object))
    if field is not None:
        raise _unprocessable(sanitise_name(field), REASON)


def _check_envelopes(rows: Sequence[Instance], *, single: bool) -> None:
    for index, row in enumerate(rows):
        path = "" if single else f"instances[{index}]."
        if row.event_id is not None and not (0 < len(row.event_id) <= _MAX_TEXT):
            raise _unprocessable(f"{path}event_id", f"must have 1 to {_MAX_TEXT} characters")
        if row.segment is not None and len(row.segment) > _MAX_TEXT:
            raise _unprocessable(f"{path}segment", f"must have at most {_MAX_TEXT} characters")
        if row.timestamp is not None and row.timestamp.tzinfo is None:
            raise _unprocessable(f"{path}timestamp", "needs an offset from UTC, such as Z or -05:00")


def _check_texts(rows: Sequence[Instance], max_length: int, *, single: bool) -> None:
    for index, row in enumerate(rows):
        path = "" if single else f"instances[{index}]."
        features = {
            f"features.{sanitise_name(name)}": value for name, value in row.features.items() if type(value) is str
        }
        for field, value in {"event_id": row.event_id, "segment": row.segment, **features}.items():
            if value is not None and not is_storable(value):
                raise _unprocessable(path + field, "holds a NUL character: leave it out")
            if value is not None and len(value) > max_length:
                raise _unprocessable(path + field, f"must have at most {max_length} characters")


def _selector(payload: _Body) -> ModelSelector:
    if payload.project_id is not None and not is_id(payload.project_id):
        raise _unprocessable("project_id", "is not the id of a project")
    if payload.model is None:
        return ModelSelector(payload.project_id, None, "champion", None)
    match = _MODEL.fullmatch(payload.model)
    if match is None or not is_id(match[1]) or (match[2] and not is_id(match[2])):
        raise _unprocessable("model", "must be a model's id, id@alias or id/version")
    return ModelSelector(payload.project_id, match[1], match[2] or "champion", match[3])


def _explain(message: str) -> tuple[str, str]:
    """Return the field that a message of msgspec is about, and the reason, with an example where the shape is another server's."""
    reason, _, path = message.partition(" - at ")
    field = path.removeprefix("`$").removeprefix(".").rstrip("`")
    prefix = f"{field}." if field else ""
    name = sanitise_name(reason.partition("`")[2].rstrip("`"))
    if "unknown field" in reason:
        noun, struct = ("an instance", Instance) if field else ("a request", _Body)
        fields = [known.name for known in msgspec.structs.fields(struct)]
        return prefix + name, f"is no field of {noun}: {_EXAMPLE}.{suggest(name, fields)}"
    if "missing required field" in reason:
        return prefix + name, f"is missing: {_EXAMPLE}"
    if reason.endswith("got `array`") or not field:
        return field or "body", f"{reason}: {_EXAMPLE}"
    return field, message


def _unprocessable(field: str, reason: str) -> Unprocessable:
    sentence = reason if reason.endswith("?") else f"{reason}."
    return Unprocessable(f"{field}: {sentence}", errors=[{"field": field, "reason": reason}])
