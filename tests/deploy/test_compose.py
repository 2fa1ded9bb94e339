"""docker-compose.yml by itself: nothing is forgotten, nothing is secret, nothing is open that should not be."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from guard_core.settings import ENV_PREFIX, Settings, variables_of
from tests.deploy.compose import VARIABLE, filled_in, read_compose, read_services
from tests.support.paths import ROOT
from tests.support.settings import settings_of

DOTENV = {"POSTGRES_PASSWORD": "secret"}
SERVICES = read_services(DOTENV)
OURS = [service for service in SERVICES.values() if service.is_ours]


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from (*_strings(key), *_strings(value))
    elif isinstance(node, list):
        for value in node:
            yield from _strings(value)
    else:
        yield str(node)


def test_has_all_parts_of_the_system() -> None:
    assert set(SERVICES) == {
        "postgres", "mlflow", "qdrant", "code-server", "dagster-webserver", "dagster-daemon", "serving",
    }  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_health_check_restart_policy_and_bounded_logs(name: str) -> None:
    raw = SERVICES[name].raw
    assert raw["restart"] == "unless-stopped"
    assert {"test", "interval", "timeout", "retries", "start_period"} <= set(raw["healthcheck"])
    assert raw["logging"]["options"].keys() == {"max-size", "max-file"}


@pytest.mark.parametrize("name", SERVICES)
def test_service_starts_after_healthy_dependencies_only(name: str) -> None:
    assert set(SERVICES[name].depends_on.values()) <= {"service_healthy"}


@pytest.mark.parametrize("name", SERVICES)
def test_image_is_pinned_to_a_version(name: str) -> None:
    service = SERVICES[name]
    assert service.is_ours or re.fullmatch(r"[\w/]+:v?\d+\.\d+[\w.-]*", service.image), service.image


def test_our_containers_are_one_image_without_privileges() -> None:
    assert {service.image for service in OURS} == {"ml-guard:local"}
    for service in OURS:
        assert service.raw["cap_drop"] == ["ALL"]
        assert service.raw["security_opt"] == ["no-new-privileges:true"]


def test_only_serving_and_dagster_are_published_and_only_on_this_machine() -> None:
    published = {name: service.ports for name, service in SERVICES.items() if service.ports}
    assert published == {"serving": ["127.0.0.1:8000:8000"], "dagster-webserver": ["127.0.0.1:3000:3000"]}


def test_published_addresses_are_those_of_the_settings() -> None:
    elsewhere = {
        "ML_GUARD_HOST": "10.0.0.7", "ML_GUARD_PORT": "80", "ML_GUARD_DAGSTER_HOST": "10.0.0.8", "ML_GUARD_DAGSTER_PORT": "81",
    }  # fmt: skip
    services = read_services(DOTENV | elsewhere)
    assert services["serving"].ports == ["10.0.0.7:80:8000"]
    assert services["dagster-webserver"].ports == ["10.0.0.8:81:3000"]
    assert (services["serving"].environment["ML_GUARD_HOST"], services["serving"].environment["ML_GUARD_PORT"]) == (
        "0.0.0.0",  # noqa: S104 (inside the container)
        "8000",
    )


def test_every_variable_with_our_prefix_is_a_setting() -> None:
    known = {variable.name for variable in variables_of(Settings)}
    named = {name for text in _strings(read_compose()) for name in re.findall(rf"\b{ENV_PREFIX}\w+", text)}
    assert named
    assert named <= known


def test_the_settings_of_our_containers_are_valid() -> None:
    for service in OURS:
        values = {
            key.removeprefix(ENV_PREFIX).lower(): value
            for key, value in service.environment.items()
            if key.startswith(ENV_PREFIX)
        }
        settings_of(**values)


def test_no_password_is_written_down() -> None:
    for text in _strings(read_compose()):
        assert not re.search(r"://[^/@\s]+:[^/@\s]+@", text), "a URL with a password"
    for name, service in read_compose()["services"].items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|KEY", key):
                assert VARIABLE.fullmatch(value), f"{name}: {key} must come from the environment"


def test_a_missing_password_stops_the_start_and_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"set POSTGRES_PASSWORD in \.env, for instance to the output of openssl rand"):
        filled_in(read_compose(), {})


def test_every_volume_is_declared_and_used() -> None:
    used = {source for service in SERVICES.values() for source in service.mounts.values() if not source.startswith(".")}
    assert used == set(read_compose()["volumes"])


def test_every_mounted_folder_exists() -> None:
    folders = [source for service in SERVICES.values() for source in service.mounts.values() if source.startswith(".")]
    assert folders
    assert all((ROOT / folder).is_dir() for folder in folders)


def test_postgresql_keeps_its_data_where_its_image_writes_it() -> None:
    # From version 18 on, the image keeps data in a folder of the version below /var/lib/postgresql; a volume at the
    # old place, /var/lib/postgresql/data, would stay empty, and an upgrade of the container would lose the database.
    assert int(SERVICES["postgres"].image.split(":")[1].split(".")[0]) >= 18
    assert SERVICES["postgres"].mounts["/var/lib/postgresql"] == "postgres"


def test_server_versions_are_those_the_lock_file_was_tested_with() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    client = re.search(r"^qdrant-client==(\d+\.\d+)\.", lock, re.MULTILINE)
    assert client is not None
    assert SERVICES["qdrant"].image.startswith(f"qdrant/qdrant:v{client[1]}.")


def test_qdrant_keeps_its_data_in_a_volume() -> None:
    assert SERVICES["qdrant"].mounts == {"/qdrant/storage": "qdrant"}


@pytest.mark.parametrize("setting", ["ML_GUARD_DATABASE_URL", "ML_GUARD_LAKE_URL", "ML_GUARD_MLFLOW_URL"])
def test_each_part_of_our_data_moves_to_a_server_by_one_setting(setting: str) -> None:
    services = read_services(DOTENV | {setting: "moved://elsewhere"})
    users = [service for service in services.values() if setting in service.environment]
    assert {service.name for service in users} >= {"serving", "code-server"}
    assert all(service.environment[setting] == "moved://elsewhere" for service in users if service.name != "mlflow")


@pytest.mark.parametrize(
    "setting", ["DAGSTER_POSTGRES_URL", "MLFLOW_BACKEND_STORE_URI", "MLFLOW_ARTIFACTS_DESTINATION"]
)
def test_each_part_of_the_others_moves_to_a_server_by_one_setting(setting: str) -> None:
    before = {name for name, service in SERVICES.items() if setting in service.environment}
    after = read_services(DOTENV | {setting: "moved://elsewhere"})
    assert before
    assert all(after[name].environment[setting] == "moved://elsewhere" for name in before)


def test_settings_in_dotenv_reach_serving_and_the_pipelines() -> None:
    services = read_services(DOTENV | {"ML_GUARD_PIPELINES_CLOSE_DELAY_S": "7"})
    assert {name for name, service in services.items() if service.environment.get("ML_GUARD_PIPELINES_CLOSE_DELAY_S") == "7"} >= {
        "serving", "code-server",
    }  # fmt: skip


def test_credentials_of_aws_in_dotenv_reach_what_asks_aws() -> None:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CE_REGION", "AWS_DEFAULT_REGION")
    services = read_services(DOTENV | dict.fromkeys(names, "given"))
    for name in ("serving", "code-server"):
        assert {services[name].environment[variable] for variable in names} == {"given"}


def test_dotenv_is_kept_out_of_git_and_out_of_the_image() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert not any(line.startswith("!.") for line in ignored)


def test_only_what_keeps_data_shares_the_volume_of_the_lake() -> None:
    # Serving keeps there what it has answered and not stored yet: another server takes it over if one dies.
    assert {name for name, service in SERVICES.items() if "guard" in service.mounts.values()} == {
        "code-server", "dagster-webserver", "dagster-daemon", "serving",
    }  # fmt: skip


def test_dagster_in_containers_is_the_embedded_one_but_for_where_it_keeps_things() -> None:
    embedded = yaml.safe_load((ROOT / "guard_pipelines" / "dagster.yaml").read_text())
    in_containers = yaml.safe_load((ROOT / "deploy" / "dagster-postgres.yaml").read_text())
    of_its_own = {"storage", "event_log_storage", "local_artifact_storage", "compute_logs", "nux"}
    shared, shared_in_containers = (
        {key: value for key, value in instance.items() if key not in of_its_own}
        for instance in (embedded, in_containers)
    )
    assert shared_in_containers == shared


def test_the_code_location_has_the_name_and_the_module_of_the_embedded_one() -> None:
    (embedded,) = yaml.safe_load((ROOT / "guard_pipelines" / "workspace.yaml").read_text())["load_from"]
    (in_containers,) = yaml.safe_load((ROOT / "deploy" / "workspace.yaml").read_text())["load_from"]
    server = in_containers["grpc_server"]
    # Runs, ticks and sensor cursors are kept under the location's name.
    assert server["location_name"] == embedded["python_module"]["location_name"]
    command = SERVICES["code-server"].command
    assert command[command.index("--module-name") + 1] == embedded["python_module"]["module_name"]
    assert command[command.index("--port") + 1] == str(server["port"])
