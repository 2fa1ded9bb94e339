"""Addresses of the pages; templates and charts build them here, messages in `guard_core.page_addresses`."""

from urllib.parse import quote, urlencode

from guard_core.page_addresses import incident, model

__all__ = ["evidence", "incident", "model", "own_path", "settings"]


def evidence(traced_id: str, project_id: str | None = None) -> str:
    """Return the address of all evidence about an id; the project is needed only where several have the id.

    >>> evidence("a b")
    '/evidence?id=a+b'
    """
    query = {"id": traced_id, "project_id": project_id}
    return f"/evidence?{urlencode({name: value for name, value in query.items() if value is not None})}"


def own_path(address: str) -> str:
    r"""Return an address if it is a path of this server, else that of the overview.

    >>> own_path("/incidents"), own_path("//evil.example"), own_path("/\\evil.example")
    ('/incidents', '/', '/')
    """
    is_own = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_own else "/"


def settings(project_id: str, **query: str | None) -> str:
    """Return the address of a project's settings.

    >>> settings("shop", model="churn", days=None)
    '/settings/projects/shop?model=churn'
    """
    path = f"/settings/projects/{quote(project_id, safe='')}"
    given = urlencode({name: value for name, value in query.items() if value is not None})
    return f"{path}?{given}" if given else path
