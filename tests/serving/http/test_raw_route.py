"""One declaration of a raw route makes the route and its OpenAPI operation."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from serving.http.raw_request import RawRequest
from serving.http.raw_route import Answer, OneOf, Parameter, RawRoute
from serving.http.routing import ANALYST
from serving.predict import schemas as predict


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    """A thing."""

    name: Annotated[str, Meta(max_length=9, description="What it is called.")]
    size: int = 1


async def _answer(request: RawRequest) -> None:
    await request.send_json(200, {})


def _described(document: dict[str, Any]) -> dict[str, Any]:
    RawRoute(
        "POST",
        "/things",
        _answer,
        name="send_thing",
        tag="things",
        summary="Send a thing.",
        least=ANALYST,
        parameters=[Parameter("dry", "query", bool, "Store nothing.", {"default": False})],
        body={"application/json": OneOf((Thing, list[Thing]))},
        answers={201: Answer("Stored.", Thing)},
    ).describe(document)
    operation: dict[str, Any] = document["paths"]["/things"]["post"]
    return operation


def _document() -> dict[str, Any]:
    return {"paths": {}, "components": {"schemas": {}}}


def test_the_operation_says_what_the_declaration_says() -> None:
    document = _document()
    operation = _described(document)
    reference = {"$ref": "#/components/schemas/Thing"}
    assert operation["operationId"] == "send_thing"
    assert operation["x-least-role"] == "analyst"
    assert operation["parameters"] == [
        {
            "name": "dry",
            "in": "query",
            "schema": {"type": "boolean", "default": False},
            "description": "Store nothing.",
        }
    ]
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {
        "oneOf": [reference, {"type": "array", "items": reference}]
    }
    assert operation["responses"]["201"]["content"]["application/json"]["schema"] == reference
    assert {"401", "403", "422", "503"} <= set(operation["responses"])
    thing = document["components"]["schemas"]["Thing"]
    assert thing["required"] == ["name"]
    assert thing["additionalProperties"] is False
    assert thing["properties"]["name"] == {"type": "string", "maxLength": 9, "description": "What it is called."}


def test_two_different_schemas_of_one_name_are_refused() -> None:
    document = _document()
    document["components"]["schemas"]["Thing"] = {"type": "object", "properties": {"other": {}}}
    with pytest.raises(ValueError, match="'Thing'"):
        _described(document)


def test_a_prediction_request_has_the_fields_that_are_described() -> None:
    described = {*predict.OneRow.__struct_fields__, *predict.ManyRows.__struct_fields__}
    assert set(predict._Body.__struct_fields__) == described
