"""The references for clouds, deploy/aws, render.yaml, fly.toml and the workflow `deploy`, agree with the image, settings and routes."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from guard_core.settings import ENV_PREFIX, Settings, variables_of
from tests.deploy.compose import DOCKERFILE, read_services
from tests.support.api import read_documented_routes
from tests.support.paths import ROOT

FARGATE = ROOT / "deploy" / "aws" / "fargate.yaml"
SERVICES = read_services({})
START = 'sh -c "ml-guard keys bootstrap /data/api-key && exec ml-guard up"'


class _Template(yaml.SafeLoader):
    """Reads CloudFormation: a function such as `!Ref X` is its argument."""


def _argument(loader: _Template, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node)


_Template.add_multi_constructor("!", _argument)
RESOURCES: Mapping[str, Any] = yaml.load(FARGATE.read_text(), Loader=_Template)["Resources"]  # noqa: S506 - a safe loader
CONTAINERS: Mapping[str, Any] = {
    container["Name"]: container
    for resource in RESOURCES.values()
    if resource["Type"] == "AWS::ECS::TaskDefinition"
    for container in resource["Properties"]["ContainerDefinitions"]
}
RENDER = yaml.safe_load((ROOT / "deploy" / "render.yaml").read_text())["services"][0]
FLY = tomllib.loads((ROOT / "deploy" / "fly.toml").read_text())
ENVIRONMENTS = {
    **{name: {item["Name"]: item["Value"] for item in one["Environment"]} for name, one in CONTAINERS.items()},
    "render": {item["key"]: item["value"] for item in RENDER["envVars"]},
    "fly": FLY["env"],
}


def test_the_template_of_aws_is_valid() -> None:
    command = [Path(sys.executable).with_name("cfn-lint"), FARGATE]
    lint = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (lint.returncode, lint.stdout) == (0, "")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_of_our_variables_is_a_setting(name: str) -> None:
    known = {variable.name for variable in variables_of(Settings)}
    assert {key for key in ENVIRONMENTS[name] if key.startswith(ENV_PREFIX)} <= known


@pytest.mark.parametrize("name", ["serving", "mlflow", "code-server", "dagster-daemon"])
def test_a_container_of_aws_is_the_service_of_compose(name: str) -> None:
    container, service = CONTAINERS[name], SERVICES[name]
    assert container["Image"] == "Image"
    assert container["Command"] == service.command
    assert container["HealthCheck"]["Command"] == ["CMD", *service.healthcheck]
    configured = set(ENVIRONMENTS[name]) | {"PGPASSFILE", "ML_GUARD_KNOWLEDGE_QDRANT_URL"}  # PGPASSWORD; no Qdrant
    assert set(service.environment) - configured == set()
    ports = [port["ContainerPort"] for port in container.get("PortMappings", [])]
    assert ports == {"serving": [8000], "mlflow": [5000]}.get(name, [])


def test_no_role_of_aws_may_do_more_than_it_needs() -> None:
    roles = {name: one for name, one in RESOURCES.items() if one["Type"] == "AWS::IAM::Role"}
    allowed = {
        name: {
            action
            for policy in role["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        }
        for name, role in roles.items()
    }
    assert allowed == {
        "ExecutionRole": {"secretsmanager:GetSecretValue"},
        "ServingRole": {"s3:GetObject", "s3:ListBucket"},
        "PipelinesRole": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "ce:GetCostAndUsage"},
    }
    assert "*" not in json.dumps(list(RESOURCES["ExecutionRole"]["Properties"]["Policies"]))


def test_one_container_listens_where_its_host_sends_requests_and_checks() -> None:
    for name in ("render", "fly"):
        environment = ENVIRONMENTS[name]
        assert (environment["ML_GUARD_HOST"], environment["ML_GUARD_HOME"]) == ("0.0.0.0", "/data")  # noqa: S104
    assert FLY["http_service"]["internal_port"] == int(FLY["env"]["ML_GUARD_PORT"])
    assert ENVIRONMENTS["render"]["PORT"] == ENVIRONMENTS["render"]["ML_GUARD_PORT"]
    assert RENDER["dockerCommand"] == FLY["processes"]["app"] == START
    assert RENDER["disk"]["mountPath"] == FLY["mounts"]["destination"] == "/data"
    assert ROOT / RENDER["dockerfilePath"] == ROOT / "deploy" / FLY["build"]["dockerfile"] == DOCKERFILE


def test_health_is_checked_at_a_route_that_needs_no_key() -> None:
    open_routes = {route.path for route in read_documented_routes() if route.who == "anyone"}
    paths = {RENDER["healthCheckPath"], FLY["http_service"]["checks"][0]["path"]}
    paths.add(RESOURCES["Targets"]["Properties"]["HealthCheckPath"])
    assert paths == {"/readyz"} <= open_routes


def test_the_workflow_deploys_only_if_a_hook_is_set() -> None:
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())["jobs"]["deploy"]
    assert job["env"]["HOOK"] == "${{ secrets.DEPLOY_HOOK_URL }}"
    assert {step["if"] for step in job["steps"]} == {"env.HOOK != ''"}
    assert re.search(r"docker build --file deploy/Dockerfile ", job["steps"][1]["run"])
