"""The base class of all sections of a project's settings, and the error that names a wrong field.

The fields themselves belong in the sections: drift, labels, retrain, training, promotion, predict, tools, audit, evaluation.
"""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from guard_core.validation import reason_of


class ProjectSettingsError(ValueError):
    """A setting of a project is wrong; the message is one line that names its path and the fix."""


class Section(BaseModel):
    """A section of a project's settings, or a part of one: immutable, with strict types and no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_fields(cls, values: Any) -> Any:
        """Name the existing fields, which the message of `extra="forbid"` does not."""
        if isinstance(values, Mapping):
            for name in values:
                if name not in cls.model_fields:
                    fields = ", ".join(cls.model_fields)
                    raise error_at((name,), f"unknown; remove it or use one of {fields}", values[name])
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """Read settings from plain data (JSON); an omitted field keeps its default.

        Raises
        ------
        ProjectSettingsError
            If a field is unknown or has a wrong value.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ProjectSettingsError(_first_reason(error)) from None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that were set, as plain data without defaults; `from_dict` is the inverse."""
        return self.model_dump(mode="json", exclude_unset=True)


def error_at(path: tuple[str, ...], reason: str, value: object) -> ValidationError:
    """Build the error of a field inside the value that a validator checks; pydantic prepends the outer path to `path`."""
    kind = PydanticCustomError("value_error", "{reason}", {"reason": reason})
    return ValidationError.from_exception_data("settings", [InitErrorDetails(type=kind, loc=path, input=value)])


def _first_reason(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    parts = [part for part in first["loc"] if part != "[key]"]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")
    reason = reason_of(first)
    if first["type"] != "value_error":  # our own messages include the value if it helps
        reason = f"{reason}, got {first['input']!r}"
    return f"{path}: {reason}" if path else reason
