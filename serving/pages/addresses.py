"""Addresses of the pages; templates, charts and messages build them here."""

from urllib.parse import quote, urlencode


def model(project_id: str, model_id: str, *parts: str, **query: str | None) -> str:
    """Return the address of a model's page, or of one below it.

    >>> model("shop", "churn", "features", "tenure / years", day="2013-06-10", kind=None)
    '/projects/shop/models/churn/features/tenure%20%2F%20years?day=2013-06-10'
    """
    path = "/".join(quote(part, safe="") for part in ("projects", project_id, "models", model_id, *parts))
    given = urlencode({name: value for name, value in query.items() if value is not None})
    return f"/{path}?{given}" if given else f"/{path}"


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


def settings(project_id: str, **query: str | None) -> str:
    """Return the address of a project's settings.

    >>> settings("shop", model="churn", days=None)
    '/settings/projects/shop?model=churn'
    """
    path = f"/settings/projects/{quote(project_id, safe='')}"
    given = urlencode({name: value for name, value in query.items() if value is not None})
    return f"{path}?{given}" if given else path
