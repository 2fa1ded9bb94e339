"""Query parameters that a route does not declare are refused: a misspelt filter would otherwise return the whole in silence.

Pages ignore them, because links that people share are extended on their way (`utm_source`); so do the routes below `/v1/`, because
clients of other servers add their own (`api-version`), and the routes of probes.
"""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from starlette.types import Scope

from guard_core.suggestions import suggest
from serving.http.client_errors import PREFIX
from serving.http.problems import Unprocessable

_SHOWN_CHARACTERS = 80


def declared_parameters(dependant: Dependant) -> Sequence[str]:
    """Return the names of the query parameters that a route and its dependencies declare, those of the dependencies first."""
    own = get_flat_params(Dependant(query_params=dependant.query_params))  # the fields of a model in place of the model
    inherited = [name for dependency in dependant.dependencies for name in declared_parameters(dependency)]
    return tuple(dict.fromkeys([*inherited, *(field.alias for field in own)]))


def refuse_unknown(scope: Scope, declared: Sequence[str]) -> None:
    """Refuse a request whose query has a parameter that its route does not declare.

    Raises
    ------
    Unprocessable
        If there is one; it names the parameter, those that the route accepts, and the most similar one.
    """
    if not scope["query_string"] or scope["path"].startswith(PREFIX):
        return
    parameters = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    errors = [
        {"field": name[:_SHOWN_CHARACTERS], "reason": _describe(name, declared)}
        for name in parameters
        if name not in declared
    ]
    if errors:
        raise Unprocessable(f"There is no query parameter {errors[0]['field']!r}: {errors[0]['reason']}", errors=errors)


def _describe(name: str, declared: Sequence[str]) -> str:
    if not declared:
        return "this route accepts none."
    return f"this route accepts {', '.join(declared)}.{suggest(name, declared)}"
