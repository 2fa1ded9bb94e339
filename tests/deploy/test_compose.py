"""docker-compose.yml by itself: nothing is forgotten, nothing is secret, nothing is open that should not be."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from guard_core.settings import ENV_PREFIX, Settings, variables_of
from tests.deploy.compose import CI_FILE, VARIABLE, Service, read_compose, read_services
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
        "setup", "first-key", "postgres", "mlflow", "qdrant", "code-server", "dagster-webserver", "dagster-daemon", "serving",
        "prometheus", "grafana",
    }  # fmt: skip


ENDING = {name for name, service in SERVICES.items() if service.ends}


def test_what_creates_secrets_ends_and_the_rest_stays_up() -> None:
    assert sorted(ENDING) == ["first-key", "setup"]


def test_prometheus_and_grafana_start_only_with_the_profile_monitoring() -> None:
    profiles = {name: service.raw["profiles"] for name, service in SERVICES.items() if "profiles" in service.raw}
    assert profiles == {"prometheus": ["monitoring"], "grafana": ["monitoring"]}
    for name in profiles:
        assert {mount.partition(":")[2] for mount in SERVICES[name].raw["volumes"] if mount.startswith("./")} == {
            f"/etc/{name}:ro"
        }


def test_each_secret_is_a_variable_and_is_read_by_the_configuration_of_its_service() -> None:
    assert all(set(secret) == {"environment"} for secret in read_compose()["secrets"].values())
    for name in ("prometheus", "grafana"):
        (secret,) = SERVICES[name].raw["secrets"]
        configuration = "".join(path.read_text() for path in (ROOT / "deploy" / name).glob("*.*"))
        assert set(re.findall(r"/run/secrets/(\w+)", configuration)) == {secret}
        assert secret in read_compose()["secrets"]


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_health_check_restart_policy_and_bounded_logs(name: str) -> None:
    raw = SERVICES[name].raw
    if name not in ENDING:
        assert raw["restart"] == "unless-stopped"
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(raw["healthcheck"])
    assert raw["logging"]["options"].keys() == {"max-size", "max-file"}


@pytest.mark.parametrize("name", SERVICES)
def test_service_starts_after_what_it_depends_on_is_healthy_or_has_ended_well(name: str) -> None:
    for other, condition in SERVICES[name].depends_on.items():
        assert condition == ("service_completed_successfully" if other in ENDING else "service_healthy")


@pytest.mark.parametrize("name", SERVICES)
def test_service_that_reads_a_secret_starts_after_it_was_created_and_cannot_change_it(name: str) -> None:
    mounts = [mount for mount in SERVICES[name].raw.get("volumes", []) if mount.startswith("secrets:")]
    assert bool(mounts) == any(
        "/secrets" in text for text in (*_strings(SERVICES[name].environment), *SERVICES[name].command)
    )
    if mounts and name != "setup":
        assert "setup" in _all_dependencies(name, SERVICES)
    if name not in ENDING:
        assert all(mount.endswith(":ro") for mount in mounts)


def _all_dependencies(name: str, services: Mapping[str, Service]) -> set[str]:
    direct = set(services[name].depends_on)
    return direct.union(*(_all_dependencies(other, services) for other in direct))


@pytest.mark.parametrize("name", SERVICES)
def test_image_is_pinned_to_a_version(name: str) -> None:
    service = SERVICES[name]
    assert service.is_ours or re.fullmatch(r"[\w/]+:v?\d+\.\d+[\w.-]*", service.image), service.image


def test_our_containers_are_one_image_without_privileges() -> None:
    assert {service.image for service in OURS} == {"ml-guard:local"}
    for service in OURS:
        assert service.raw["cap_drop"] == ["ALL"]
        assert service.raw["security_opt"] == ["no-new-privileges:true"]


def test_only_pages_and_serving_are_published_and_only_on_this_machine() -> None:
    published = {name: service.ports for name, service in SERVICES.items() if service.ports}
    assert published == {
        "serving": ["127.0.0.1:8000:8000"],
        "dagster-webserver": ["127.0.0.1:3000:3000"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3001:3000"],
    }


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
                comes_from_outside = VARIABLE.fullmatch(value) or (
                    key.endswith("_FILE") and value.startswith("/secrets/")
                )
                assert comes_from_outside, f"{name}: {key} must come from the environment or a file"


def test_nothing_has_to_be_set_before_the_first_start() -> None:
    services = read_services({})
    assert services.keys() == SERVICES.keys()
    assert services["setup"].environment == {"POSTGRES_PASSWORD": ""}


def test_a_password_in_dotenv_reaches_the_service_that_writes_it_for_all() -> None:
    assert SERVICES["setup"].environment == {"POSTGRES_PASSWORD": "secret"}


def test_validation_of_ci_is_a_service_of_its_own_with_the_image_of_the_others() -> None:
    (validation,) = read_compose(CI_FILE)["services"].values()
    ci = read_services({}, ci=True)
    assert ci.keys() - SERVICES.keys() == {"validation"}
    assert validation["image"] == read_compose()["services"]["serving"]["image"]
    always = {name for name, service in SERVICES.items() if "profiles" not in service.raw}
    assert always - _all_dependencies("validation", ci) == {"dagster-webserver"}
    assert set(ci["validation"].mounts.values()) <= set(read_compose()["volumes"])
    assert validation["cap_drop"] == ["ALL"]


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
    embedded = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    in_containers = yaml.safe_load((ROOT / "deploy" / "dagster-postgres.yaml").read_text())
    of_its_own = {"storage", "event_log_storage", "local_artifact_storage", "compute_logs", "nux"}
    shared, shared_in_containers = (
        {key: value for key, value in instance.items() if key not in of_its_own}
        for instance in (embedded, in_containers)
    )
    assert shared_in_containers == shared


def test_the_daemon_of_dagster_writes_no_line_for_each_tick() -> None:
    command = SERVICES["dagster-daemon"].command
    assert command[command.index("--log-level") + 1] == "warning"


def test_the_code_location_has_the_name_and_the_module_of_the_embedded_one() -> None:
    (embedded,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    (in_containers,) = yaml.safe_load((ROOT / "deploy" / "workspace.yaml").read_text())["load_from"]
    server = in_containers["grpc_server"]
    # Runs, ticks and sensor cursors are kept under the location's name.
    assert server["location_name"] == embedded["python_module"]["location_name"]
    command = SERVICES["code-server"].command
    assert command[command.index("--module-name") + 1] == embedded["python_module"]["module_name"]
    assert command[command.index("--port") + 1] == str(server["port"])
