"""Runs the services of docker-compose.yml without Docker: each one's exact command and environment as a process.

Every container becomes a loopback address of its own, so that ports stay as they are written; `Machine.here` is all
that is translated.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.deploy.compose import Service, copies_from_tree, dockerfile_stages
from tests.support.paths import ROOT

_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 20.0


class Machine:
    """All services of a compose file on this machine; `folder` holds what would be volumes and the image."""

    def __init__(self, services: Mapping[str, Service], folder: Path) -> None:
        self.services = services
        self.folder = folder
        self.addresses = {
            name: f"127.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}.{number}"
            for number, name in enumerate(services, 1)
        }
        self.programs: dict[str, Path] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._image = _unpacked_image(folder / "image")
        for source in {source for service in services.values() for source in service.mounts.values()}:
            if not source.startswith("."):
                (folder / "volumes" / source).mkdir(parents=True)

    def skip_without_addresses(self) -> None:
        """Skip the test where there is only one loopback address (macOS)."""
        try:
            for address in self.addresses.values():
                with socket.socket() as listener:
                    listener.bind((address, 0))
        except OSError as error:
            pytest.skip(f"a loopback address for each container is what Linux has: {error}")

    def here(self, text: str, service: Service) -> str:
        """What a container's word means on this machine: paths, its own addresses, the names of the other containers."""
        image = {"/opt": self._image / "opt", "/data": self.folder / "containers" / service.name / "data"}
        volumes = {target: self.folder / "volumes" / source for target, source in service.mounts.items()}
        for inside, outside in (image | volumes).items():
            text = re.sub(rf"^{re.escape(inside)}(?=/|$)", outside.as_posix(), text)
        text = re.sub(r"\b(0\.0\.0\.0|127\.0\.0\.1)\b", self.addresses[service.name], text)
        names = "|".join(map(re.escape, self.addresses))
        host = rf"(?:(?<=[@/,])|^)({names})(?=:\d)|^({names})$"
        return re.sub(host, lambda match: self.addresses[match[0]], text)

    def environment(self, service: Service) -> dict[str, str]:
        """The whole environment of a container's process: nothing of ours leaks in."""
        programs = [self._image / "opt" / "venv" / "bin", Path(sys.prefix) / "bin", *self.programs.values()]
        image = {"PATH": ":".join(map(str, [*programs, "/usr/bin", "/bin"])), "PYTHONUNBUFFERED": "1"}
        home = {"HOME": self.here("/data", service), "PYTHONPATH": str(self._image / "src")}
        return image | home | {key: self.here(value, service) for key, value in service.environment.items()}

    def run(
        self,
        name: str,
        command: Sequence[str] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """`docker compose run --rm [-e …] NAME [COMMAND]`: a second container of a service, until it ends."""
        service = self.services[name]
        return subprocess.run(
            self._words(service, command or service.command),
            env=self.environment(service) | dict(environment or {}),
            cwd=self._workdir(service),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def up(self, names: Sequence[str]) -> None:
        """`docker compose up --wait`: each service as soon as all that it depends on is healthy, or has ended well."""
        with ThreadPoolExecutor(len(names)) as pool:
            healthy: dict[str, Future[None]] = {}
            for name in (name for name in self.services if name in names):
                before = [healthy[other] for other in self.services[name].depends_on if other in healthy]
                healthy[name] = pool.submit(self._bring_up, self.services[name], before)
            for future in healthy.values():
                future.result()

    def is_healthy(self, name: str) -> bool:
        """Whether the service's health check passes."""
        return self._check(self.services[name]).returncode == 0

    def log(self, name: str) -> str:
        """All that a service has said."""
        return (self.folder / f"{name}.log").read_text()

    def down(self) -> None:
        """`docker compose down`: everything that was started, the last one first."""
        running = list(reversed(self._processes.values()))
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what a container takes with it: its other processes
            process.wait()

    def _bring_up(self, service: Service, before: Sequence[Future[None]]) -> None:
        for future in before:
            future.result()
        if service.ends:
            done = self.run(service.name)
            (self.folder / f"{service.name}.log").write_text(done.stdout + done.stderr)
            assert done.returncode == 0, f"{service.name} ended with {done.returncode}:\n{self.log(service.name)}"
            return
        with (self.folder / f"{service.name}.log").open("wb") as log:
            process = subprocess.Popen(
                self._words(service, service.command), env=self.environment(service), cwd=self._workdir(service),
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self._processes[service.name] = process
        deadline = time.monotonic() + _START_TIMEOUT_S
        while (check := self._check(service)).returncode != 0:
            assert process.poll() is None, f"{service.name} ended with {process.returncode}:\n{self.log(service.name)}"
            assert time.monotonic() < deadline, f"{service.name}: {check.stderr}\n{self.log(service.name)}"
            time.sleep(1)

    def _check(self, service: Service) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._words(service, service.healthcheck), env=self.environment(service),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def _words(self, service: Service, command: Sequence[str]) -> list[str]:
        program, *arguments = command
        path = self.environment(service)["PATH"]
        found = shutil.which(program, path=path)
        assert found is not None, f"{service.name}: no program {program} in {path}"
        return [found, *(self.here(argument, service) for argument in arguments)]

    def _workdir(self, service: Service) -> Path:
        folder = Path(self.here("/data", service))
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _unpacked_image(image: Path) -> Path:
    """What the Dockerfile copies out of our tree, at the same places below `image`; the packages come from our own environment."""
    for stage in dockerfile_stages():
        for source, destination in copies_from_tree(stage).items():
            target = image / destination.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, target)
    return image
