"""Fields that requests of several protocols have, and their errors."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from serving.http.problems import Unprocessable

MAX_END_USER: Final = 128
"""Maximum length of an end user, in characters."""


def read_model(body: Mapping[str, Any], default_model: str | None = None) -> str:
    """Read the model that is called.

    Raises
    ------
    Unprocessable
        If it is missing, not a text, or cannot be stored.
    """
    model = body.get("model", default_model)
    if not isinstance(model, str) or not model or "\0" in model:
        raise wrong_field("model", "must name a model, without NUL")
    return model


def read_stream(body: Mapping[str, Any]) -> bool:
    """Read whether the answer is to be streamed; raises as `read_model`."""
    stream = body.get("stream") or False
    if not isinstance(stream, bool):
        raise wrong_field("stream", "must be true or false")
    return stream


def read_number(body: Mapping[str, Any], name: str, least: int, most: int = 2**31) -> int | None:
    """Read a whole number; None if it is missing. Raises as `read_model`."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise wrong_field(name, f"must be a whole number of at least {least}")
    return value


def read_objects(body: Mapping[str, Any], name: str, kind: str) -> list[dict[str, Any]]:
    """Read a list of at least one object, such as messages; raises as `read_model`.

    Parameters
    ----------
    kind : what an object of the list is, for the error.
    """
    items = body.get(name)
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise wrong_field(name, f"must be a list of at least one {kind}")
    return items


def read_end_user(body: Mapping[str, Any], paths: Iterable[Sequence[str]]) -> str | None:
    """Read the user on whose behalf the caller asks: the first that is named.

    Parameters
    ----------
    paths : of the fields that may name it.

    Raises
    ------
    Unprocessable
        If it is not a text, or too long.
    """
    for path in paths:
        user = find_holder(body, path).get(path[-1])
        if not user:
            continue
        if not isinstance(user, str) or len(user) > MAX_END_USER or "\0" in user:
            raise wrong_field(".".join(path), f"must be a text of at most {MAX_END_USER} characters, without NUL")
        return user
    return None


def find_holder(body: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return the object of a body that holds the field at a path; an empty one if there is none."""
    holder: Any = body
    for name in path[:-1]:
        holder = holder.get(name) if isinstance(holder, dict) else None
    return holder if isinstance(holder, dict) else {}


def wrong_field(field: str, reason: str) -> Unprocessable:
    """Return the error of a field."""
    return Unprocessable(f"{field}: {reason}.", errors=[{"field": field, "reason": reason}], param=field)
