"""Reads docker-compose.yml and the Dockerfile as Docker would: variables filled in, `.env` applied, order of the start.

Only what our files use. How a service runs without Docker is `tests.deploy.machine`.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from tests.support.paths import ROOT

COMPOSE_FILE = ROOT / "docker-compose.yml"
CI_FILE = ROOT / "docker-compose.ci.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"

# ${NAME}, ${NAME:-default}, ${NAME:?message}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


def read_compose(file: Path = COMPOSE_FILE) -> dict[str, Any]:
    """The file as it is written: variables not filled in."""
    compose: dict[str, Any] = yaml.safe_load(file.read_text())
    return compose


def filled_in(node: Any, dotenv: Mapping[str, str]) -> Any:
    """`node` with its variables filled in from `.env`.

    Raises
    ------
    ValueError
        Where a required variable is missing; with the message of the file.
    """
    if isinstance(node, dict):
        return {key: filled_in(value, dotenv) for key, value in node.items()}
    if isinstance(node, list):
        return [filled_in(value, dotenv) for value in node]
    return VARIABLE.sub(lambda match: _value_of(match, dotenv), node) if isinstance(node, str) else node


def _value_of(match: re.Match[str], dotenv: Mapping[str, str]) -> str:
    value = dotenv.get(match["name"], "")
    if not value and match["kind"] == "?":
        raise ValueError(match["rest"])
    return value or match["rest"] or ""


@dataclass(frozen=True)
class Service:
    """A service of the compose file."""

    name: str
    image: str
    is_ours: bool
    command: list[str]
    environment: dict[str, str]
    healthcheck: list[str]
    depends_on: dict[str, str]
    mounts: dict[str, str]
    ports: list[str]
    raw: dict[str, Any]

    @property
    def ends(self) -> bool:
        """Whether it does one thing and ends; others wait for its success."""
        return str(self.raw["restart"]) == "no"


def read_services(dotenv: Mapping[str, str], *, ci: bool = False) -> dict[str, Service]:
    """All services as Docker would start them beside a `.env` of these values, each after what it depends on."""
    files = [COMPOSE_FILE, CI_FILE] if ci else [COMPOSE_FILE]
    services = {
        name: _service(name, raw, dotenv)
        for file in files
        for name, raw in filled_in(read_compose(file), dotenv)["services"].items()
    }
    order = TopologicalSorter({name: list(service.depends_on) for name, service in services.items()})
    return {name: services[name] for name in order.static_order()}


def _service(name: str, raw: dict[str, Any], dotenv: Mapping[str, str]) -> Service:
    from_file = {
        key: value for entry in raw.get("env_file", []) if entry["path"] == ".env" for key, value in dotenv.items()
    }
    kind, *healthcheck = raw["healthcheck"]["test"] if "healthcheck" in raw else ["CMD"]
    assert kind == "CMD", f"{name}: write the health check as a list that begins with CMD"
    return Service(
        name=name,
        image=raw["image"],
        is_ours="build" in raw,
        command=raw.get("command", []),
        environment=from_file | raw.get("environment", {}),
        healthcheck=healthcheck,
        depends_on={other: how["condition"] for other, how in raw.get("depends_on", {}).items()},
        mounts={target: source for source, target in (mount.split(":")[:2] for mount in raw.get("volumes", []))},
        ports=raw.get("ports", []),
        raw=raw,
    )


def dockerfile_stages() -> list[list[list[str]]]:
    """The Dockerfile's stages, each a list of instructions, each a list of words; cache mounts and comments left out."""
    text = re.sub(
        r"\\\n", " ", "\n".join(line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#"))
    )
    instructions = [shlex.split(line) for line in text.splitlines() if line.strip()]
    starts = [index for index, words in enumerate(instructions) if words[0] == "FROM"]
    return [instructions[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def copies_from_tree(stage: list[list[str]]) -> dict[str, str]:
    """Source in our tree → destination in the image, of a stage."""
    copies: dict[str, str] = {}
    for words in stage:
        if words[0] == "COPY" and not any(word.startswith("--from=") for word in words):
            *sources, destination = [word for word in words[1:] if not word.startswith("--")]
            for source in sources:
                copies[source] = destination + Path(source).name if destination.endswith("/") else destination
    return copies
