"""Messages of errors found by pydantic, as users see them. Events and labels are not among them: see `serving/ingest/row_schema.py`."""

from collections.abc import Mapping
from typing import Any

from guard_core.ids import ID_PATTERN, ID_RULE

# Where the framework's words name a type of Python, or a class of ours, instead of what to write.
_REASONS: Mapping[str, str] = {
    "missing": "is missing: it is required",
    "extra_forbidden": "is no field here: remove it",
    "model_type": "must be an object with named fields",
    "dict_type": "must be an object with named fields",
    "mapping_type": "must be an object with named fields",
    "tuple_type": "must be a list",
    "too_short": "must have {min_length} or more entries",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "literal_error": "must be {expected}",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
}


def reason_of(error: Mapping[str, Any]) -> str:
    """Return the message of a validation error, without pydantic's prefix on messages of our own validators.

    >>> reason_of({"type": "value_error", "msg": "Value error, must be even"})
    'must be even'
    >>> reason_of({"type": "less_than_equal", "msg": "…", "ctx": {"le": 0.5}})
    'must be at most 0.5'
    """
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == ID_PATTERN:
        return ID_RULE
    reason = _REASONS.get(error["type"])
    if reason is None:
        return str(error["msg"]).removeprefix("Value error, ")
    limits = {name: f"{limit:g}" if isinstance(limit, float) else limit for name, limit in error.get("ctx", {}).items()}
    return reason.format_map(limits)
