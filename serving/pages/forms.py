"""Fields of forms to requests of the JSON routes: an empty field is one that was left out."""

from collections.abc import Mapping
from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

Body = TypeVar("Body", bound=BaseModel)


def request_of(kind: type[Body], fields: Mapping[str, object]) -> Body:
    """Return the request that the fields of a form make, checked as the JSON route checks its body.

    Raises
    ------
    RequestValidationError
        If a field is missing or wrong.
    """
    given = {name: value for name, value in fields.items() if value not in ("", None)}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]) from None
