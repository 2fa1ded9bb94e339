"""The diagram of the architecture in README.md names what exists: routes, assets, sensors and packages; each node is connected."""

import re

from guard_core.settings import Settings
from guard_pipelines.definitions import defs
from serving.app import create_app
from serving.http.openapi import document
from tests.support.paths import ROOT

_PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
_DIAGRAM = re.search(r"^```mermaid\n(.*?)^```", _PAGE, re.DOTALL | re.MULTILINE)
assert _DIAGRAM is not None
LINES = [line.strip() for line in _DIAGRAM[1].splitlines()[1:]]
_NODE = re.compile(r"(\w+)(?:\(?\[+\(?|\(\[)\"([^\"]*)\"")
_ARROW = re.compile(r"(?:-- \"?[^\"-]+\"? )?-->")


def labels() -> dict[str, str]:
    """Return the label of each node that has one, by its id."""
    return {match[1]: match[2] for line in LINES for match in _NODE.finditer(line)}


def titles() -> dict[str, str]:
    """Return the title of each subgraph."""
    return dict(re.findall(r"^subgraph (\w+)\[\"(.*)\"\]$", "\n".join(LINES), re.MULTILINE))


def test_its_routes_are_routes_of_the_app(settings: Settings) -> None:
    paths = set(document(create_app(settings))["paths"])
    routes = [
        route for label in labels().values() for route in re.findall(r"(?<!\w)(/\w+)", label.replace("<br/>", " "))
    ]
    assert set(routes) == {"/predict", "/query", "/research", "/v1"}
    assert [route for route in routes if not any(path == route or path.startswith(f"{route}/") for path in paths)] == []


def test_its_names_of_dagster_are_assets_and_sensors() -> None:
    repository = defs().get_repository_def()
    assets = {key.to_user_string() for key in repository.asset_graph.materializable_asset_keys}
    sensors = {sensor.name.removesuffix("_sensor") for sensor in repository.sensor_defs}
    inside = "\n".join(LINES).split("subgraph dagster")[1].split("\nend")[0].splitlines()[1:]
    texts = [match[2] for line in inside for match in _NODE.finditer(line)]
    names = [name for text in texts for name in re.split(r"(?:<br/>|→|,|\s)+", text) if name not in {"", "sensor"}]
    assert len(names) > 12
    assert [name for name in names if name not in assets | sensors] == []
    upkeep = {
        "audit_retention",
        "lake_upkeep",
        "run_retention",
        "cost_alerts",
    }  # what happens each night is not part of the loop
    assert assets - set(names) == upkeep


def test_its_subgraphs_are_packages() -> None:
    packages = {re.split(r"[ (]", title)[0] for title in titles().values()}
    assert packages == {"serving", "guard_pipelines"}
    assert all((ROOT / package / "__init__.py").is_file() for package in packages)


def test_each_node_is_defined_once_and_connected() -> None:
    nodes = [match[1] for line in LINES for match in _NODE.finditer(line) if not line.startswith("subgraph")]
    assert len(nodes) == len(set(nodes))
    bare = [re.sub(r"\(?\[+\(?\"[^\"]*\"\)?\]+\)?", "", line) for line in LINES]
    ends = {name.strip() for line in bare if "-->" in line for end in _ARROW.split(line) for name in end.split("&")}
    assert ends == set(nodes), ends ^ set(nodes)
