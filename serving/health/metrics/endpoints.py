"""The route of the metrics; beyond this machine it needs a key, unless a setting opens it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from guard_core.settings.server import ServerSettings
from serving.auth.principal import HOW_TO_SEND
from serving.auth.security import authenticate
from serving.health.metrics.exposition import render
from serving.health.metrics.results import ResultCollector
from serving.http.dependencies import part, part_of
from serving.http.limits.addresses import is_loopback
from serving.http.problems import Unauthorised
from serving.http.routing import ANYONE

router = APIRouter(tags=["health"])
Results = Annotated[ResultCollector, Depends(part(ResultCollector))]


async def _require_reader(request: Request) -> None:
    server = part_of(request.scope, ServerSettings)
    if is_loopback(server.host) if server.open_metrics is None else server.open_metrics:
        return
    if (await authenticate(request.scope)).key_id is None:
        raise Unauthorised(f"Beyond this machine metrics need a key of any role: {HOW_TO_SEND}.")


@router.get(
    "/metrics",
    openapi_extra=ANYONE,
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
    dependencies=[Depends(_require_reader)],
)
def metrics(results: Results) -> Response:
    """Return the metrics of all workers as Prometheus text; beyond loopback, a key of any role is needed."""
    return Response(render(results), media_type=CONTENT_TYPE_LATEST)
