"""Definitions of assets have the owners of the settings, links to the servers, and the lake's URI and columns."""

import dagster as dg

from guard_pipelines.definitions import defs
from guard_pipelines.descriptions import describe
from guard_pipelines.tags import subject_tags
from guard_store.lake.store import Lake
from tests.support.pipeline_projects import make_project, send_days
from tests.support.pipelines import Pipelines
from tests.support.settings import settings_of


def specs() -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in defs().resolve_all_asset_specs()}


def test_assets_have_the_owners_of_the_settings() -> None:
    add = describe(settings_of(dagster_owners=["team:risk", "ada@example.com"]))
    assert add(dg.AssetSpec("drift_reports")).owners == ["team:risk", "ada@example.com"]


def test_the_lake_has_its_uri_and_its_columns(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 2)
    pipelines.settle()
    metadata = specs()["raw_events"].metadata
    described = describe(pipelines.settings)(dg.AssetSpec("raw_events"))
    assert described.metadata["dagster/uri"] == pipelines.settings.storage.lake
    assert "dagster/uri" in metadata
    columns = {column.name for column in metadata["dagster/column_schema"].columns}
    snapshot = Lake(pipelines.settings.storage.lake).snapshot("p", "m")
    assert snapshot is not None
    assert {name for name in snapshot.columns if not name.startswith("feature_")} <= columns


def test_assets_link_to_the_pages_and_to_mlflow() -> None:
    metadata = specs()["registered_model"].metadata
    assert metadata["pages"].value == "http://127.0.0.1:8000/"
    assert metadata["mlflow"].value.startswith("http://127.0.0.1:")


def test_runs_have_tags_of_bounded_length_that_name_project_model_and_days(pipelines: Pipelines) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 2)
    (request,) = pipelines.tick()
    assert {name: request.tags[f"ml_guard/{name}"] for name in ("project", "model", "days")} == {
        "project": "p",
        "model": "m",
        "days": "2013-01-01 to 2013-01-02",
    }
    many = subject_tags([(f"project-{n:02}", "m") for n in range(50)], ["2013-01-01"])
    assert many["ml_guard/project"] == "project-00, project-01, project-02 and 47 more"
