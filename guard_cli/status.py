"""`ml-guard status`: what a running server reports about itself; `ml-guard doctor` checks what it depends on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from guard_cli.serve import DEMO_KEY
from guard_cli.terminal import CommandError, example, json_option, print_answer, print_table
from guard_core.formats import ago, count, size
from guard_core.settings import Settings, load_settings, reachable_url

if TYPE_CHECKING:  # help must not wait for the server's modules
    from serving.health.status.schemas import Backlog, DiskStatus, KnowledgeStatus, OutboxStatus, Sensor, Status

_TIMEOUT_S = 30
_NEEDS_ATTENTION = 1
_UNREADABLE = "cannot be read"


@click.command(epilog=example("ml-guard status", "ml-guard status --json --key $KEY"))
@click.option(
    "--key",
    envvar="GUARD_KEY",
    default=DEMO_KEY,
    show_default="$GUARD_KEY, or the demo's key",
    help="A key of role analyst.",
)
@json_option
def status(key: str, *, as_json: bool) -> int:
    """Show whether the running server is healthy, and what waits or has failed.

    The exit code is 1 if something needs attention, 2 if the server cannot be reached.
    """
    view = _read(load_settings(), key)
    if as_json:
        print_answer(view.model_dump_json(indent=2))
    else:
        print_answer(f"{'Healthy' if view.is_healthy else 'Needs attention'}: {view.headline}")
        print_answer("")
        print_table(["part", "state"], [[name, state] for name, state in _rows(view)])
    return 0 if view.is_healthy else _NEEDS_ATTENTION


def _read(settings: Settings, key: str) -> "Status":
    """Return the response of the status route.

    Raises
    ------
    CommandError
        If the server cannot be reached, or answers with an error.
    """
    from pydantic import ValidationError

    address = reachable_url(settings.server.host, settings.server.port)
    text = _request(address, key)
    from serving.health.status.schemas import Status  # after the request: a server that does not answer needs no wait

    try:
        return Status.model_validate_json(text)
    except ValidationError:
        raise CommandError(
            f"the server at {address} runs another version of ML Guard than this command: restart it"
        ) from None


def _request(address: str, key: str) -> str:
    import httpx

    try:
        response = httpx.get(
            f"{address}/api/v1/status", headers={"X-API-Key": key}, timeout=_TIMEOUT_S, trust_env=False
        )
    except httpx.TransportError as error:
        reason = "does not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
        raise CommandError(
            f"the server at {address} {reason}: start it with `ml-guard up`, or look for the cause with `ml-guard doctor`"
        ) from None
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise CommandError(
            f"the server at {address} refuses the key: give one of role analyst with --key or GUARD_KEY;"
            " `ml-guard keys create status` makes one"
        )
    if not response.is_success:
        raise CommandError(
            f"the server at {address} answers {response.status_code}: look for the cause with `ml-guard doctor`"
        )
    return response.text


def _rows(view: "Status") -> Iterator[tuple[str, str]]:
    versions = view.versions
    yield "server", f"ML Guard {versions.ml_guard}, Python {versions.python}, started {ago(view.started_at)}"
    yield "backlog", _UNREADABLE if view.backlog is None else _backlog(view.backlog)
    yield "sensors", _UNREADABLE if view.sensors is None else "; ".join(_sensor(sensor) for sensor in view.sensors)
    yield "failed runs", _UNREADABLE if view.failures is None else count(len(view.failures), "open alert")
    yield "queue", f"{view.queue.rows:,} of {count(view.queue.limit, 'row')}"
    yield "messages", _UNREADABLE if view.outbox is None else _outbox(view.outbox)
    yield "knowledge base", _knowledge(view.knowledge)
    yield "disk", _UNREADABLE if view.disk is None else _disk(view.disk)


def _backlog(backlog: "Backlog") -> str:
    waiting = f"{count(backlog.waiting_days, 'day')} waiting"
    return f"{waiting}, {backlog.failed_days:,} failed, {backlog.open_days:,} not closed yet"


def _sensor(sensor: "Sensor") -> str:
    state = "has not run yet" if sensor.ticked_at is None else f"ran {ago(sensor.ticked_at)}"
    return f"{sensor.name} {state}"


def _outbox(outbox: "OutboxStatus") -> str:
    return f"{outbox.waiting:,} waiting, {outbox.dead:,} given up"


def _knowledge(knowledge: "KnowledgeStatus") -> str:
    if knowledge.problem is not None:
        return knowledge.problem
    if knowledge.version is None:
        return "loading" if knowledge.retrieval == "loading" else "empty"
    return f"version {knowledge.version}, {count(knowledge.chunks, 'chunk')}, {knowledge.retrieval} search"


def _disk(disk: "DiskStatus") -> str:
    return f"{size(disk.total)} in {disk.home}, {size(disk.free)} free"
