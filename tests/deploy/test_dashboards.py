"""Dashboards and alert rules: what they query is at `/metrics`, and Grafana and Prometheus can load them."""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import promql_parser
import pytest
import yaml

from serving.app import Services
from tests.support.api import read_documented_metrics
from tests.support.clients import Clients, _logging_as_before, anonymous, app, clients, services
from tests.support.model_days import Model
from tests.support.paths import ROOT
from tests.support.result_gauges import read_samples, store_every_result

__all__ = ["_logging_as_before", "anonymous", "app", "clients", "services"]

DASHBOARDS = {
    path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
}
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
OF_PROMETHEUS = {"up": {"job", "instance"}}
OF_EVERY_SERIES = {"job", "instance"}


def _selectors(expression: Any) -> Iterator[Any]:
    """Return the selectors of a parsed expression, wherever they are in it."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("lhs", "rhs", "expr", "vector_selector"):
        if (child := getattr(expression, name, None)) is not None:
            yield from _selectors(child)
    for child in getattr(expression, "args", []):
        yield from _selectors(child)


def _queries(dashboard: dict[str, Any]) -> Iterator[str]:
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"].replace("$__rate_interval", "5m")
    for variable in dashboard["templating"]["list"]:
        query = re.fullmatch(r"label_values\((.+), \w+\)", variable["query"]["query"])
        assert query is not None
        yield query[1]


def _labels_of(name: str, documented: dict[str, set[str]]) -> set[str]:
    """Return the labels of a sample's name; buckets, sums and counts have those of their histogram."""
    histogram = re.sub(r"_(bucket|sum|count)$", "", name)
    if name in documented:
        return documented[name] | OF_EVERY_SERIES
    return documented[histogram] | OF_EVERY_SERIES | ({"le"} if name.endswith("_bucket") else set())


ALL_QUERIES = [query for dashboard in DASHBOARDS.values() for query in _queries(dashboard)] + [
    rule["expr"] for rule in RULES
]


async def test_every_metric_of_a_dashboard_or_rule_is_at_metrics(
    services: Services, clients: Clients, anonymous: httpx.AsyncClient
) -> None:
    project = services.projects.create("flights", "Flights", "America/New_York").id
    await store_every_result(services, project, Model(services, clients.of("analyst"), project))
    names = {selector.name for query in ALL_QUERIES for selector in _selectors(promql_parser.parse(query))}
    assert len(names) > 40
    assert names - set(await read_samples(anonymous)) == set(OF_PROMETHEUS)


@pytest.mark.parametrize("query", ALL_QUERIES)
def test_labels_that_a_query_selects_and_groups_by_are_those_of_the_metric(query: str) -> None:
    documented = read_documented_metrics() | OF_PROMETHEUS
    labels_of_query: set[str] = set()
    for selector in _selectors(promql_parser.parse(query)):
        labels = _labels_of(selector.name, documented)
        assert {matcher.name for matcher in selector.matchers.matchers} <= labels, selector.name
        labels_of_query |= labels
    grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", query) for label in group.split(",")}
    assert grouped <= labels_of_query


@pytest.mark.parametrize("text", ["legendFormat", "annotations"])
def test_texts_name_only_labels_that_their_query_keeps(text: str) -> None:
    if text == "legendFormat":
        pairs = [
            (target["expr"], target["legendFormat"])
            for dashboard in DASHBOARDS.values()
            for panel in dashboard["panels"]
            for target in panel.get("targets", [])
        ]
    else:
        pairs = [(rule["expr"], " ".join(rule["annotations"].values())) for rule in RULES]
    for query, words in pairs:
        kept = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", query) for label in group.split(",")}
        named = set(re.findall(r"\{\{ ?(?:\$labels\.)?(\w+) ?\}\}", words))
        assert named <= (kept or OF_EVERY_SERIES), query


def test_dashboards_and_panels_have_ids_of_their_own() -> None:
    assert set(DASHBOARDS) == {"language-models", "models", "service"}
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)
    for dashboard in DASHBOARDS.values():
        ids = Counter(panel["id"] for panel in dashboard["panels"])
        assert max(ids.values()) == 1
        titles = Counter((panel["type"], panel["title"]) for panel in dashboard["panels"])
        assert max(titles.values()) == 1, titles


def test_panels_do_not_overlap() -> None:
    for name, dashboard in DASHBOARDS.items():
        cells = Counter(
            (x, y)
            for place in (panel["gridPos"] for panel in dashboard["panels"])
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        )
        assert max(cells.values()) == 1, name
        assert max(x for x, _ in cells) == 23


def test_panels_use_the_provisioned_data_source_and_declared_variables() -> None:
    provisioned = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text())
    (source,) = provisioned["datasources"]
    for dashboard in DASHBOARDS.values():
        text = json.dumps(dashboard["panels"])
        assert set(re.findall(r'"datasource": \{[^}]*"uid": "([^"]*)"', text)) == {source["uid"]}
        declared = {variable["name"] for variable in dashboard["templating"]["list"]}
        assert set(re.findall(r"\$(\w+)", text)) - {"__rate_interval"} == declared


def test_rules_have_a_duration_a_severity_and_words_for_people() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES) > 10
    for rule in RULES:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smh]", rule["for"])
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_every_rule_and_dashboard_is_on_the_page() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    rows = re.findall(r"^\| `(MLGuard\w+)` \| (\w+) \| (\w+) \|", page, re.MULTILINE)
    assert rows == [(rule["alert"], rule["labels"]["severity"], rule["for"]) for rule in RULES]
    assert all(f"\n| {dashboard['title']} |" in page for dashboard in DASHBOARDS.values())


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, a part of Prometheus, is not installed")
@pytest.mark.parametrize(
    "command",
    [
        "check rules deploy/prometheus/rules.yml",
        "check config --syntax-only deploy/prometheus/prometheus.yml",
        "test rules tests/deploy/alert_rules.yml",
    ],
)
def test_promtool_accepts_configuration_and_rules_and_they_fire_as_they_should(command: str) -> None:
    done = subprocess.run(["promtool", *command.split()], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
