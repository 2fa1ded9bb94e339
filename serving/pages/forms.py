"""Fields of forms, checked as the JSON routes check those of a body."""

from collections.abc import Mapping

from serving.http.problems import Unprocessable


def required_field(form: Mapping[str, str], field: str, most: int = 1_000) -> str:
    """Return a field of a form without surrounding white space.

    Raises
    ------
    Unprocessable
        If it is empty or has more characters than `most`; the error names the field.
    """
    text = form.get(field, "").strip()
    if not text or len(text) > most:
        reason = "must not be empty" if not text else f"must have at most {most} characters"
        raise Unprocessable(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])
    return text
