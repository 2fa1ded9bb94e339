"""The policies of all projects: loaded from `policies.yaml`, reloaded when it changes. An invalid file never takes effect."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from guard_core.validation import reason_of
from serving.gateway.policy.policy import Policy
from serving.gateway.policy.rules import PolicyRules

_log = logging.getLogger(__name__)
_DEFAULTS = Path(__file__).with_name("defaults.yaml")
_RELOAD_S = 1.0


class PolicyError(ValueError):
    """The file is invalid; one line that names the file, the field and the fix."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    default: dict[str, Any] = {}
    projects: dict[str, dict[str, Any]] = {}


class PolicyBook:
    """Policies by project.

    Parameters
    ----------
    path : of `policies.yaml`; None for the built-in policy.

    Attributes
    ----------
    problem : what is wrong with the current file, while its last valid state stays in force; None if it is valid.

    Raises
    ------
    PolicyError
        If the file is missing or invalid at the start.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp = _stamp(path)
        self._default, self._by_project = _load(path)
        self._checked_at = time.monotonic()
        self.problem: str | None = None

    def of(self, project_id: str | None) -> Policy:
        """Return the policy of a project, reloading the file first if it has changed."""
        if self._path is not None and time.monotonic() - self._checked_at > _RELOAD_S:
            self._reload()
        return self._default if project_id is None else self._by_project.get(project_id, self._default)

    def _reload(self) -> None:
        self._checked_at = time.monotonic()
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._default, self._by_project = _load(self._path)
        except PolicyError as error:
            self.problem = str(error)
            _log.error("the previous policies stay in force: %s", error)
        else:
            self.problem = None
            _log.info("policies reloaded from %s", self._path)


def _stamp(path: Path | None) -> tuple[int, int] | None:
    try:
        status = None if path is None else path.stat()
    except OSError:
        return None
    return None if status is None else (status.st_mtime_ns, status.st_size)


def _load(path: Path | None) -> tuple[Policy, Mapping[str, Policy]]:
    built_in = _read(_DEFAULTS).default
    if path is None:
        return _policy(built_in, _DEFAULTS, "default"), {}
    file = _read(path)
    default = _merge(built_in, file.default)
    by_project = {
        project_id: _policy(_merge(default, overrides), path, f"projects.{project_id}")
        for project_id, overrides in file.projects.items()
    }
    return _policy(default, path, "default"), by_project


def _read(path: Path) -> _File:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: is not YAML: {' '.join(str(error).split())[:200]}") from error
    try:
        return _File.model_validate(content or {})
    except ValidationError as error:
        raise _wrong(error, path, "") from None


def _policy(rules: Mapping[str, Any], path: Path, where: str) -> Policy:
    try:
        return Policy(PolicyRules.model_validate(rules))
    except ValidationError as error:
        raise _wrong(error, path, f"{where}.") from None


def _wrong(error: ValidationError, path: Path, where: str) -> PolicyError:
    first = error.errors(include_input=False, include_url=False)[0]
    field = where + ".".join(str(part) for part in first["loc"])
    return PolicyError(f"{path}: {field + ': ' if field else ''}{reason_of(first)}")


def _merge(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Override rules section by section, field by field."""
    merged = dict(base)
    for name, value in overrides.items():
        present = merged.get(name)
        merged[name] = {**present, **value} if isinstance(present, Mapping) and isinstance(value, Mapping) else value
    return merged
