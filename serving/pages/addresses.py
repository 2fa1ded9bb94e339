"""Addresses of the pages; templates and charts build them here, messages in `guard_core.page_addresses`."""

from collections.abc import Callable
from urllib.parse import quote, urlsplit

from guard_core.page_addresses import incident, model, with_query

__all__ = [
    "audit",
    "costs",
    "evidence",
    "incident",
    "model",
    "model_days",
    "own_path",
    "path_of",
    "settings",
    "with_query",
]


def model_days(project_id: str, model_id: str) -> Callable[[str], str]:
    """Return the address of a model's day as a function of the day: charts link to hundreds of them.

    >>> model_days("shop", "churn rate")("2013-06-10")
    '/projects/shop/models/churn%20rate/days/2013-06-10'
    """
    days = model(project_id, model_id, "days")
    return lambda day: f"{days}/{day}"


def evidence(traced_id: str, project_id: str | None = None) -> str:
    """Return the address of all evidence about an id; the project is needed only where several have the id.

    >>> evidence("a b")
    '/evidence?id=a+b'
    """
    return with_query("/evidence", {"id": traced_id, "project_id": project_id})


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


def settings(project_id: str, **query: str | None) -> str:
    """Return the address of a project's settings.

    >>> settings("shop", model="churn", days=None)
    '/settings/projects/shop?model=churn'
    """
    return with_query(f"/settings/projects/{quote(project_id, safe='')}", query)


def path_of(url: str) -> str:
    """Return what follows the server in an absolute address: messages hold the public one, which people here may not reach.

    >>> path_of("https://guard.example.com/incidents/1?tab=2")
    '/incidents/1?tab=2'
    """
    return urlsplit(url)._replace(scheme="", netloc="").geturl()


def own_path(address: str) -> str:
    r"""Return an address if it is a path of this server, else that of the overview.

    >>> own_path("/incidents"), own_path("//evil.example"), own_path("/\\evil.example")
    ('/incidents', '/', '/')
    """
    is_own = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_own else "/"
