"""Fields that the forms of several pages have, checked as the JSON routes check theirs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.responses import RedirectResponse

from serving.http.problems import Unprocessable
from serving.pages.addresses import own_path

BodyT = TypeVar("BodyT", bound=BaseModel)


def required_field(form: Mapping[str, str], field: str, most: int = 1_000) -> str:
    """Return a field of a form without surrounding white space.

    Raises
    ------
    Unprocessable
        If it is empty or has more characters than `most`; the error names the field.
    """
    text = form.get(field, "").strip()
    if not text:
        raise _wrong(field, "must not be empty")
    if len(text) > most:
        raise _wrong(field, f"must have at most {most} characters")
    return text


def read_reason(form: Mapping[str, str]) -> str:
    """Return the reason of a change, which is recorded; raises as `required_field`."""
    return required_field(form, "reason")


def read_instant(form: Mapping[str, str], name: str) -> datetime:
    """Return an instant in UTC, as a field for date and time sends it.

    Raises
    ------
    Unprocessable
        If it is missing or no date and time.
    """
    try:
        return datetime.fromisoformat(form.get(name, "")).replace(tzinfo=UTC)
    except ValueError:
        raise _wrong(name, "write a date and time in UTC, such as 2030-01-31T08:00") from None


def return_to(form: Mapping[str, str]) -> RedirectResponse:
    """Redirect to the page that a form was sent from, its field `next`."""
    return RedirectResponse(own_path(form.get("next", "/")), status_code=HTTPStatus.SEE_OTHER)


def validate_form(kind: type[BodyT], fields: Mapping[str, object]) -> BodyT:
    """Return the fields of a form as the body of the JSON route, checked as the route checks it.

    Raises
    ------
    RequestValidationError
        If a field is missing or wrong.
    """
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]) from None


def without_empty(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the fields that are filled in: an empty one is one that was left out."""
    return {name: value for name, value in fields.items() if value not in ("", None)}


def _wrong(field: str, reason: str) -> Unprocessable:
    return Unprocessable(f"{field}: {reason}.", errors=[{"field": field, "reason": reason}])
