"""Declarations of raw ASGI routes, from which both the served route and its OpenAPI operation are made.

For routes on which a framework's layers would cost more than the work itself; all others are FastAPI's.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from serving.auth.security import authenticate
from serving.http.query import refuse_unknown
from serving.http.raw_request import RawRequest
from serving.http.routing import LEAST_ROLE, require_role

Handler = Callable[[RawRequest], Awaitable[None]]

_REF: Final = "#/components/schemas/{name}"
_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
_PROBLEMS: Final[Mapping[str, str]] = {
    "400": "The body does not match its headers, or is malformed.",
    "401": "No key, or one that is unknown or revoked.",
    "403": "The key's role or project is not enough.",
    "404": "No such project.",
    "413": "Too many bytes or rows.",
    "415": "Content type or encoding that is not supported.",
    "422": "The payload violates the contract; `errors` names each field.",
    "503": "Queue full or database unavailable: nothing was acknowledged; send the same again after `Retry-After`.",
}


@dataclass(frozen=True, slots=True)
class OneOf:
    """Exactly one of several types that msgspec cannot describe as a union."""

    types: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or a header; `schema` extends the schema of its type, such as by a default."""

    name: str
    place: Literal["query", "header"]
    type: Any
    description: str
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: its meaning, and the type of its JSON."""

    description: str
    type: Any


class RawRoute(Route):
    """A route that authenticates the caller, requires the least role and hands the request to its handler.

    Parameters
    ----------
    least : the least role, one of `ANYONE`, `GUEST`, `ANALYST` and `ADMIN` of `serving.http.routing`.
    body : type of the body by content type, a msgspec struct or any other type that msgspec describes.
    answers : successful answers by status.
    """

    def __init__(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        name: str,
        tag: str,
        summary: str,
        least: Mapping[str, str],
        answers: Mapping[int, Answer],
        body: Mapping[str, Any] | None = None,
        parameters: Sequence[Parameter] = (),
    ) -> None:
        super().__init__(path, handler, methods=[method], name=name)
        self.app = self._serve  # as ASGI: for a function, Starlette would make a Request
        self._handler = handler
        self._least = least
        self._role = least[LEAST_ROLE]
        self._method = method.lower()
        self._tag = tag
        self._summary = summary
        self._body = body or {}
        self._answers = answers
        self._parameters = parameters
        self._query = tuple(parameter.name for parameter in parameters if parameter.place == "query")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = await authenticate(scope)
        require_role(principal, self._role)
        refuse_unknown(scope, self._query)
        await self._handler(RawRequest(principal, scope, receive, send))

    def describe(self, document: dict[str, Any]) -> None:
        """Add the operation and the schemas that it references to an OpenAPI document.

        Raises
        ------
        ValueError
            If the document has another schema with the name of one of these, but with other fields.
        """
        schemas = document["components"]["schemas"]
        operations = document["paths"].setdefault(self.path, {})
        operations[self._method] = {
            "operationId": self.name,
            "summary": self._summary,
            "tags": [self._tag],
            **self._least,
            "parameters": [_parameter(parameter, schemas) for parameter in self._parameters],
            **({"requestBody": {"required": True, "content": _content(self._body, schemas)}} if self._body else {}),
            "responses": {
                **{
                    str(status): {
                        "description": answer.description,
                        "content": _content({"application/json": answer.type}, schemas),
                    }
                    for status, answer in self._answers.items()
                },
                **{status: {"description": text, "content": _PROBLEM} for status, text in _PROBLEMS.items()},
            },
        }


def _parameter(parameter: Parameter, schemas: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "schema": {**_schema(parameter.type, schemas), **parameter.schema},
        "description": parameter.description,
    }


def _content(types: Mapping[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    return {media_type: {"schema": _schema(kind, schemas)} for media_type, kind in types.items()}


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    if isinstance(kind, OneOf):
        return {"oneOf": [_schema(member, schemas) for member in kind.types]}
    (schema,), components = msgspec.json.schema_components([kind], ref_template=_REF)
    for name, component in components.items():
        # FastAPI adds titles to a type that both describe: only the fields must be equal.
        if schemas.setdefault(name, component).get("properties", {}).keys() != component.get("properties", {}).keys():
            raise ValueError(f"Two schemas of the OpenAPI document are named {name!r}.")
    return schema
