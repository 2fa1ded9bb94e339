"""The wheel: it carries every file of its packages, and runs where no checkout is."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT

_PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
    "packages"
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed")
    done = subprocess.run(
        [uv, "build", "--wheel", "--out-dir", str(folder), str(ROOT)], capture_output=True, text=True, check=False
    )
    if "hatchling" in done.stderr and done.returncode:
        pytest.skip("the build backend cannot be fetched without a network")
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_every_file_of_its_packages_that_is_in_the_repository(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--", *_PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed >= {"guard_pipelines/workspace.yaml", "guard_pipelines/dagster.yaml", "prompts/prompts.lock"}
    assert {name for name in listed if name and (ROOT / name).exists()} - packed == set()


def test_the_wheel_runs_without_a_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    env = {name: value for name, value in os.environ.items() if not name.startswith("ML_GUARD_")}
    program = (
        "import sys, guard_cli.stack.stack as stack, guard_cli.main as main;"
        " assert all(path.is_file() for path in (stack._DAGSTER_FILES / 'workspace.yaml', stack._DAGSTER_FILES / 'dagster.yaml'));"
        " print(main.__file__); sys.exit(main.main(sys.argv[1:]))"
    )
    for arguments in (["--help"], ["prompts", "check"], ["doctor"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env=env | {"PYTHONPATH": str(tmp_path / "installed"), "ML_GUARD_HOME": str(tmp_path / "home")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith(str(tmp_path / "installed"))
