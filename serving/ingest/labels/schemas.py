"""The contract of a label as a type.

Validating rows and locating their errors is `serving.ingest.row_schema`.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from guard_core.settings import Settings
from serving.ingest.events.schemas import DocumentedId, identifier_type, value_type
from serving.ingest.row_schema import ID_LENGTH, INSTANT, RowSchema

_KNOWN_TEXT = r"^(?!\s*(?:[Nn][Aa][Nn])?\s*$)"  # empty text and NaN are no label in `ml.monitoring.performance.labels`

Value = float | int | str | bool


class Label(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):  # LabelSchema adds the limits of the settings
    """A label that fulfils the contract."""

    project_id: DocumentedId
    event_id: DocumentedId
    y_true: Value
    observed_at: Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset.")]


class LabelSchema(RowSchema[Label]):
    """The contract of a label, with the limits of the settings."""

    array_error = (
        "The body is neither a JSON array of labels nor one label;"
        " lines of JSON have the Content-Type application/x-ndjson."
    )
    accepts_object = True

    def __init__(self, settings: Settings) -> None:
        identifier = identifier_type(settings)
        struct: Any = msgspec.defstruct(
            "Label",
            [
                ("project_id", identifier),
                ("event_id", identifier),
                ("y_true", value_type(settings, text_pattern=_KNOWN_TEXT)),
            ],
            bases=(Label,),
            kw_only=True,
            forbid_unknown_fields=True,
            gc=False,
        )
        text = f"a string of 1 to {min(settings.ingest.max_name_length, ID_LENGTH)} characters"
        expected = {
            "project_id": text,
            "event_id": text,
            "y_true": "a finite number (integers within 64 bits), a boolean or a string of at most"
            f" {settings.ingest.max_value_length} characters; a label that is not known yet is not sent",
            "observed_at": f"{INSTANT}: when the label became known",
        }
        super().__init__("a label", struct, expected, frozenset({"observed_at"}))

    def count_names(self, row: Label) -> int:
        """Return how many names the JSON of a label has: all fields are required."""
        return len(row.__struct_fields__)
