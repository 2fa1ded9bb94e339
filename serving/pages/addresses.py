"""Addresses of the pages; templates, charts and messages build them here."""

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


def evidence(traced_id: str) -> str:
    """Return the address of all evidence about an id.

    >>> evidence("a b")
    '/evidence?id=a+b'
    """
    return f"/evidence?{urlencode({'id': traced_id})}"


def costs(**query: str | None) -> str:
    """Return the address of usage and costs.

    >>> costs(project="shop", start=None)
    '/costs?project=shop'
    """
    return with_query("/costs", query)


def audit(**query: str | None) -> str:
    """Return the address of rows of the ledger; `from_` is `from`, and None leaves a filter out.

    >>> audit(flag="request.email", from_="2026-03-01", project=None)
    '/audit?flag=request.email&from=2026-03-01'
    """
    return with_query("/audit", query)


def with_query(path: str, query: Mapping[str, str | None]) -> str:
    """Return an address with its query; values that are None are left out."""
    given = urlencode({name.rstrip("_"): value for name, value in query.items() if value is not None})
    return f"{path}?{given}" if given else path
