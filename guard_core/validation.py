"""Messages of validation errors as users see them; the validation itself is pydantic's."""

from collections.abc import Mapping


def reason_of(error: Mapping[str, object]) -> str:
    """Return the message of a validation error, without pydantic's prefix on messages of our own validators.

    >>> reason_of({"type": "value_error", "msg": "Value error, must be even"})
    'must be even'
    """
    if error["type"] == "model_type":  # pydantic's message would name an internal class
        return "must be a mapping with named fields"
    return str(error["msg"]).removeprefix("Value error, ")
