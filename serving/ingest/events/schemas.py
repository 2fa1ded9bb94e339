"""The contract of an event as types: one C call validates a whole batch; if it fails, each row is validated by itself.

Whether its project exists and accepts its instant is checked by `service`.
"""

import sys
from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from guard_core.ids import ID_PATTERN
from guard_core.settings import Settings
from serving.ingest.row_schema import ID_LENGTH, INSTANT, RowSchema, sanitise_name

_LARGEST = sys.float_info.max
_PROBABILITY_ROUNDING = 1e-6  # of sums and ratios of 32-bit floats

Scalar = float | int | str | bool | None


DocumentedId = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH)]


class Event(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):  # EventSchema adds the limits of the settings
    """An event that fulfils the contract."""

    project_id: DocumentedId
    model_id: Annotated[DocumentedId, Meta(pattern=ID_PATTERN)]
    timestamp: Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset.")]
    y_pred: Scalar
    features: Annotated[dict[str, Scalar], Meta(description="Flat.")]
    latency_ms: Annotated[float, Meta(ge=0)] | None = None
    y_proba: Annotated[float, Meta(ge=0, le=1)] | None = None
    endpoint: DocumentedId | None = None
    event_id: DocumentedId | None = None
    request_id: DocumentedId | None = None
    model_version: DocumentedId | None = None
    segment: DocumentedId | None = None


class EventSchema(RowSchema[Event]):
    """The contract of an event, with the limits of the settings."""

    array_error = (
        "The body is not a JSON array of events; a single event goes to POST /api/v1/events,"
        " and lines of JSON have the Content-Type application/x-ndjson."
    )

    def __init__(self, settings: Settings) -> None:
        id_length = min(settings.ingest.max_name_length, ID_LENGTH)
        identifier = identifier_type(settings)
        self._name = Annotated[str, Meta(min_length=1, max_length=settings.ingest.max_name_length)]
        self._scalar: Any = value_type(settings) | None
        names, scalars = self._name, self._scalar
        event: Any = msgspec.defstruct(
            "Event",
            [
                ("project_id", identifier),
                ("model_id", identifier),
                ("latency_ms", Annotated[float, Meta(ge=0, le=_LARGEST)] | None, None),
                ("y_pred", scalars),
                ("features", Annotated[dict[names, scalars], Meta(max_length=settings.ingest.max_features)]),  # type: ignore[valid-type]
                *((name, identifier | None, None) for name in _OPTIONAL_IDS),
            ],
            bases=(Event,),
            kw_only=True,
            forbid_unknown_fields=True,
            gc=False,
        )
        super().__init__("an event", event, _expectations(settings, id_length), frozenset({"timestamp"}))

    def count_names(self, row: Event) -> int:
        """Return how many names the shortest JSON of an event has."""
        return _FIELDS - _optional(row).count(None) + len(row.features)

    def normalise(self, row: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Return the row with null in place of NaN, and with a probability from 0 to 1 if only rounding puts it outside."""
        row = super().normalise(row)
        probability = row.get("y_proba")
        if isinstance(probability, float) and -_PROBABILITY_ROUNDING <= probability <= 1 + _PROBABILITY_ROUNDING:
            return {**row, "y_proba": min(max(probability, 0.0), 1.0)}
        return row

    def _explain_value(self, field: str, value: object) -> tuple[str, str]:
        return self._explain_features(value) if field == "features" else super()._explain_value(field, value)

    def _explain_features(self, features: object) -> tuple[str, str]:
        if isinstance(features, Mapping):
            for name, value in features.items():
                if not self._fits(name, self._name):
                    return f"features.{sanitise_name(name)}", f"its name must be {self._expected['feature name']}"
                if isinstance(value, (Mapping, list, tuple)):
                    return f"features.{sanitise_name(name)}", "is nested: send one flat feature for each value in it"
                if not self._fits(value, self._scalar):
                    return f"features.{sanitise_name(name)}", f"must be {self._expected['y_pred']}"
        return "features", f"must be {self._expected['features']}"

    @staticmethod
    def _fits(value: object, kind: Any) -> bool:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError:
            return False
        return True


_OPTIONAL_IDS = ("endpoint", "event_id", "request_id", "model_version", "segment")
_FIELDS = len(msgspec.structs.fields(Event))
_optional = attrgetter("latency_ms", "y_proba", *_OPTIONAL_IDS)


def _expectations(settings: Settings, id_length: int) -> dict[str, str]:
    text = f"a string of 1 to {id_length} characters"
    scalar = (
        "a finite number (integers within 64 bits), a boolean, null or a string of at most"
        f" {settings.ingest.max_value_length} characters"
    )
    return {
        "project_id": text,
        "model_id": text,
        "timestamp": INSTANT,
        "latency_ms": "a finite number of milliseconds, 0 or more, or null",
        "y_pred": scalar,
        "features": f"a flat object of at most {settings.ingest.max_features} features",
        "feature name": f"1 to {settings.ingest.max_name_length} characters",
        "y_proba": "a number from 0 to 1, or null",
        **dict.fromkeys(_OPTIONAL_IDS, f"{text}, or left out"),
    }


def identifier_type(settings: Settings) -> Any:
    """Return the type of an id."""
    return Annotated[str, Meta(min_length=1, max_length=min(settings.ingest.max_name_length, ID_LENGTH))]


def value_type(settings: Settings, *, text_pattern: str | None = None) -> Any:
    """Return the type of a value that is not null."""
    return (
        Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
        | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
        | Annotated[str, Meta(max_length=settings.ingest.max_value_length, pattern=text_pattern)]
        | bool
    )
