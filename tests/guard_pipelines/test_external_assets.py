"""External assets on Dagster's pages: the graph from the API to the API, and observations whose versions say something true."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guard_pipelines.tags import range_tags
from guard_store.ingest.labels import LabelStore
from guard_store.retraining.registry import CHAMPION, Registry
from tests.support.dagster_pages import DagsterPages, open_pages
from tests.support.pipeline_projects import make_project, send_days
from tests.support.pipelines import Pipelines, capture_baseline

OBSERVED = {"prediction_events", "labels", "baselines", "content_policies", "knowledge_sources", "model_registry"}
VERSIONED = ("content_policies", "knowledge_sources", "model_registry")
EDGES = {
    "prediction_events": set(),
    "labels": set(),
    "baselines": set(),
    "raw_events": {"prediction_events", "labels"},
    "drift_reports": {"daily_aggregates", "baselines"},
    "training_set": {"retrain_recommended", "labels"},
    "model_registry": {"registered_model"},
    "predict_api": {"model_registry"},
    "gateway_calls": {"content_policies"},
    "llm_costs": {"gateway_calls"},
    "documents": {"knowledge_sources"},
}
DAYS = ["2013-01-01", "2013-01-02"]
_GRAPH = """{ assetNodes { assetKey { path } dependencyKeys { path } isObservable isMaterializable
  metadataEntries { label } } }"""
_STATUS = """query($asset: AssetKeyInput!, $days: [String!], $byDay: Boolean!) { assetNodeOrError(assetKey: $asset) { ... on AssetNode {
  staleStatus staleStatusByPartition(partitions: $days) @include(if: $byDay) assetObservations(limit: 100) { tags { key value }
  metadataEntries { label ... on IntMetadataEntry { intValue } ... on TextMetadataEntry { text } } } } } }"""


@pytest.fixture
def sources(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of knowledge sources and a file of policies, which the settings name."""
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "a.txt").write_text("Apples are red.", encoding="utf-8")
    (tmp_path / "policies.yaml").write_text("{}", encoding="utf-8")
    monkeypatch.setenv("ML_GUARD_KNOWLEDGE_URL", str(folder))
    monkeypatch.setenv("ML_GUARD_KNOWLEDGE_EMBEDDING_MODEL", "none")
    monkeypatch.setenv("ML_GUARD_LLM_POLICIES", str(tmp_path / "policies.yaml"))
    return folder


@pytest.fixture
def pages(sources: Path, pipelines: Pipelines, tmp_path: Path) -> Iterator[DagsterPages]:
    """Dagster's pages beside the pipelines' database."""
    with open_pages(tmp_path / "pages") as pages:
        yield pages


def node_of(pages: DagsterPages, asset: str, days: list[str] | None = None) -> dict[str, Any]:
    node: dict[str, Any] = pages.query(_STATUS, asset={"path": [asset]}, days=days or [], byDay=bool(days))[
        "assetNodeOrError"
    ]
    return node


def version_of(pages: DagsterPages, asset: str) -> str | None:
    """Return the data version of the newest observation."""
    newest = node_of(pages, asset)["assetObservations"][0]
    return {tag["key"]: tag["value"] for tag in newest["tags"]}.get("dagster/data_version")


def versions(pages: DagsterPages) -> dict[str, str | None]:
    assert pages.launch("observe_external_assets") == "SUCCESS"
    return {asset: version_of(pages, asset) for asset in VERSIONED}


def test_the_graph_reads_from_the_api_to_the_api(pages: DagsterPages) -> None:
    nodes = {node["assetKey"]["path"][-1]: node for node in pages.query(_GRAPH)["assetNodes"]}
    edges = {name: {key["path"][-1] for key in node["dependencyKeys"]} for name, node in nodes.items()}
    assert {name: edges[name] for name in EDGES} == EDGES
    assert {name for name, node in nodes.items() if node["isObservable"]} == OBSERVED
    assert not any(nodes[name]["isMaterializable"] for name in (*OBSERVED, "predict_api", "gateway_calls"))
    assert all({"pages", "mlflow"} <= labels_of(node) for node in nodes.values())


def labels_of(node: dict[str, Any]) -> set[str]:
    return {entry["label"] for entry in node["metadataEntries"]}


def test_a_data_version_changes_exactly_when_what_is_outside_has_changed(
    pages: DagsterPages, sources: Path, pipelines: Pipelines
) -> None:
    before = versions(pages)
    assert versions(pages) == before
    (sources / "b.txt").write_text("Pears are yellow.", encoding="utf-8")
    with_source = versions(pages)
    assert with_source == {**before, "knowledge_sources": with_source["knowledge_sources"]} != before
    (sources.parent / "policies.yaml").write_text("{}\n", encoding="utf-8")
    with_policy = versions(pages)
    assert with_policy == {**with_source, "content_policies": with_policy["content_policies"]} != with_source
    make_champion(pipelines)
    with_champion = versions(pages)
    assert with_champion == {**with_policy, "model_registry": with_champion["model_registry"]} != with_policy


def make_champion(pipelines: Pipelines) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(pipelines.settings.storage.mlflow)
    client.create_registered_model("p~m")
    client.create_model_version("p~m", "file:///nowhere")
    Registry(pipelines.settings.storage.mlflow).set_alias("p", "m", CHAMPION, "1")


def test_documents_are_stale_from_a_change_of_the_sources_until_they_are_built(
    pages: DagsterPages, sources: Path
) -> None:
    assert pages.launch("knowledge") == "SUCCESS"
    assert pages.launch("observe_external_assets") == "SUCCESS"
    assert node_of(pages, "documents")["staleStatus"] == "FRESH"
    (sources / "b.txt").write_text("Pears are yellow.", encoding="utf-8")
    assert pages.launch("__ASSET_JOB", "knowledge_sources") == "SUCCESS"
    assert node_of(pages, "documents")["staleStatus"] == "STALE"
    assert pages.launch("knowledge") == "SUCCESS"
    assert node_of(pages, "documents")["staleStatus"] == "FRESH"


def test_an_observation_of_events_has_their_numbers_and_makes_no_partition_stale(
    pages: DagsterPages, pipelines: Pipelines
) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 2)
    assert pages.launch("daily", tags=range_tags(*DAYS)) == "SUCCESS"
    assert pages.launch("observe_external_assets") == "SUCCESS"
    capture_baseline(pipelines, "p", *DAYS)
    send_days(pipelines.database, 3, 3)
    LabelStore(pipelines.database).count_on_days()  # as each tick of the sensor does
    assert pages.launch("observe_external_assets") == "SUCCESS"
    assert [observed(pages, asset) for asset in ("prediction_events", "labels", "baselines")] == [
        {"events": 450, "models": 1, "newest_day": "2013-01-03"},
        {"labels": 450},
        {"models": 1},
    ]
    for asset in ("raw_events", "daily_aggregates", "drift_reports", "performance"):
        assert node_of(pages, asset, DAYS)["staleStatusByPartition"] == ["FRESH", "FRESH"], asset


def observed(pages: DagsterPages, asset: str) -> dict[str, Any]:
    """Return the numbers and texts of the newest observation."""
    entries = node_of(pages, asset)["assetObservations"][0]["metadataEntries"]
    found = {entry["label"]: entry.get("intValue", entry.get("text")) for entry in entries}
    return {label: value for label, value in found.items() if value is not None}
