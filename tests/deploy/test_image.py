"""The Dockerfile by itself: it copies what exists, installs what is locked, and runs as nobody special."""

import os
import re
import tomllib
from pathlib import Path

import pytest

from tests.deploy.compose import DOCKERFILE, copies_from_tree, dockerfile_stages, read_services
from tests.support.paths import ROOT

BUILD, FINAL = dockerfile_stages()
COPIES = copies_from_tree(BUILD) | copies_from_tree(FINAL)


@pytest.mark.parametrize("source", COPIES)
def test_what_is_copied_exists_and_gets_past_the_ignore_file(source: str) -> None:
    assert (ROOT / source).exists()
    allowed = [
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    ]
    assert Path(source).parts[0] in allowed


def test_all_packages_of_the_project_and_nothing_else_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    files = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"], "requirements.lock"}
    assert set(copies_from_tree(BUILD)) == packages | files | {"sdk"}  # the validation uses the client


def test_dependencies_come_from_the_lock_file_with_hashes_and_without_development_tools() -> None:
    installs = [" ".join(words) for words in BUILD if words[0] == "RUN" and "uv pip install" in " ".join(words)]
    assert "--no-deps --require-hashes -r /src/requirements.lock" in installs[0]
    assert all("--no-deps" in install for install in installs)
    assert "dev" not in DOCKERFILE.read_text().split()
    assert "requirements-dev" not in DOCKERFILE.read_text()


def test_dependencies_are_installed_before_our_code_is_copied() -> None:
    lines = [" ".join(words) for words in BUILD]
    install = next(index for index, line in enumerate(lines) if "--require-hashes" in line)
    assert [line for line in lines[:install] if line.startswith("COPY")] == ["COPY requirements.lock /src/"]


def test_tool_that_installs_is_the_one_of_the_makefile() -> None:
    version = re.compile(r"UV_VERSION\s*:?=\s*([\d.]+)")
    of_image, of_makefile = (version.search((ROOT / name).read_text()) for name in ("deploy/Dockerfile", "Makefile"))
    assert of_image is not None
    assert of_makefile is not None
    assert of_image[1] == of_makefile[1]


def test_base_image_is_pinned_and_new_enough_for_the_project() -> None:
    base = re.search(r"^ARG PYTHON_IMAGE=python:(\d+)\.(\d+)\.\d+-slim-\w+$", DOCKERFILE.read_text(), re.MULTILINE)
    assert base is not None
    assert (int(base[1]), int(base[2])) >= (3, 11)


def test_container_runs_as_a_user_of_its_own_that_owns_only_the_data() -> None:
    text = [" ".join(words) for words in FINAL]
    assert "USER guard" in text
    assert text.index("USER guard") > max(i for i, line in enumerate(text) if line.startswith(("COPY", "RUN")))
    assert not any(line.startswith("COPY") and "--chown" in line for line in text)


def test_programs_of_the_image_are_executable() -> None:
    for name in ("healthcheck.py", "create_secrets.py"):
        assert os.access(ROOT / "deploy" / name, os.X_OK)


def test_every_volume_of_our_services_is_a_folder_that_the_image_gives_to_its_user() -> None:
    folders = re.findall(
        r"install --directory --owner=guard --group=guard (?:--mode=700 )?(\S+)", DOCKERFILE.read_text()
    )
    ours = [service for service in read_services({}).values() if service.is_ours]
    assert {target for service in ours for target in service.mounts} == set(folders)
    assert ["WORKDIR", folders[0]] in FINAL


def test_no_secret_is_built_in() -> None:
    assert not re.search(r"PASSWORD|SECRET|TOKEN|API_KEY", DOCKERFILE.read_text())
