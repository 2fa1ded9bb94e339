"""Alert policies from a YAML file, which replaces all policies of the projects that it names.

Reading and checking the file belongs here; storing the policies belongs in `guard_store.alerts.policies`.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from guard_core.alerting.policy import Policy
from guard_core.validation import reason_of


class PolicyFileError(ValueError):
    """The file is wrong; the message is one line that names the field."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    projects: dict[str, list[Policy]]


def read_policies(path: Path, routes: Collection[str]) -> Mapping[str, list[Policy]]:
    """Return the policies of the file, by project.

    Raises
    ------
    PolicyFileError
        If the file cannot be read, a field is wrong, or a route is unknown.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyFileError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise PolicyFileError(f"{path}: {where}is not YAML") from None
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        raise PolicyFileError(f"{path}: {field or 'the file'}: {reason_of(first)}") from None
    for project_id, policies in file.projects.items():
        _check(f"{path}: projects.{project_id}", policies, routes)
    return file.projects


def _check(where: str, policies: list[Policy], routes: Collection[str]) -> None:
    names = [policy.name for policy in policies]
    for place, policy in enumerate(policies):
        if policy.name in names[:place]:
            raise PolicyFileError(f"{where}[{place}].name: {policy.name!r} is there twice")
        unknown = sorted(set(policy.routes or ()) - set(routes))
        if unknown:
            raise PolicyFileError(f"{where}[{place}].routes: ML_GUARD_ALERT_ROUTES has no route {unknown[0]!r}")
