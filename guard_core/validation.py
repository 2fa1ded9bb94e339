"""What pydantic says of wrong values, in the words that people read."""

from collections.abc import Mapping


def reason_of(error: Mapping[str, object]) -> str:
    """Why a value is wrong; our own reasons without the name of the exception that carried them.

    >>> reason_of({"type": "value_error", "msg": "Value error, must be even"})
    'must be even'
    """
    if error["type"] == "model_type":  # the framework's words name a class of ours
        return "must be a mapping with named fields"
    return str(error["msg"]).removeprefix("Value error, ")
