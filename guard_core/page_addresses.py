"""Addresses of the pages that messages link to; those that only pages link to are in `serving.pages.addresses`."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode


def model(project_id: str, model_id: str, *parts: str, **query: str | None) -> str:
    """Return the address of a model's page, or of one below it.

    >>> model("shop", "churn", "features", "tenure / years", day="2013-06-10", kind=None)
    '/projects/shop/models/churn/features/tenure%20%2F%20years?day=2013-06-10'
    """
    path = "/".join(quote(part, safe="") for part in ("projects", project_id, "models", model_id, *parts))
    return with_query(f"/{path}", query)


def incident(incident_id: str) -> str:
    """Return the address of an incident.

    >>> incident("a26d")
    '/incidents/a26d'
    """
    return f"/incidents/{quote(incident_id, safe='')}"


def with_query(path: str, query: Mapping[str, str | None]) -> str:
    """Return an address with its query; values that are None are left out, and `from_` is the field `from`.

    >>> with_query("/audit", {"from_": "2026-03-01", "project": None})
    '/audit?from=2026-03-01'
    """
    given = urlencode({name.rstrip("_"): value for name, value in query.items() if value is not None})
    return f"{path}?{given}" if given else path
