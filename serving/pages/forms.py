"""Fields that the forms of several pages have, checked as the JSON routes check theirs."""

from datetime import UTC, datetime
from http import HTTPStatus

from starlette.responses import RedirectResponse

from serving.http.problems import Unprocessable
from serving.pages.addresses import own_path

_MAX_REASON = 1_000


def read_reason(form: dict[str, str]) -> str:
    """Return the reason of a change.

    Raises
    ------
    Unprocessable
        If it is missing or too long.
    """
    reason = form.get("reason", "").strip()
    if not 1 <= len(reason) <= _MAX_REASON:
        raise _wrong("reason", f"write 1 to {_MAX_REASON} characters; it is recorded")
    return reason


def read_instant(form: dict[str, str], name: str) -> datetime:
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


def return_to(form: dict[str, str]) -> RedirectResponse:
    """Redirect to the page that a form was sent from, its field `next`."""
    return RedirectResponse(own_path(form.get("next", "/")), status_code=HTTPStatus.SEE_OTHER)


def _wrong(field: str, reason: str) -> Unprocessable:
    return Unprocessable(f"{field}: {reason}.", errors=[{"field": field, "reason": reason}])
