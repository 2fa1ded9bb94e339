"""What a project's section `tools` may say: which tools may be called, by whom, with what, how long, how much, at what price."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Self

from guard_core.project_settings.checks import at_least_0, between, checked_fields, choice, mapping, texts, whole
from guard_core.project_settings.section import ProjectSettingsError
from guard_core.settings import ROLES, Role

_LONGEST_S = 600
_LARGEST = 64 * 2**20


@dataclass(frozen=True, slots=True)
class ToolRule:
    """What a project says of one tool; None leaves it as it is.

    Attributes
    ----------
    arguments : by name, patterns of which one must fit; no other argument may be given then.
    cost_usd : of one call.
    """

    role: Role | None = None
    timeout_s: float | None = None
    output_bytes: int | None = None
    cost_usd: float | None = None
    arguments: Mapping[str, tuple[str, ...]] | None = None

    @classmethod
    def from_dict(cls, given: Mapping[str, object]) -> Self:
        """A rule from plain data; raises `SettingsError`."""
        checks = {
            "role": lambda value, path: choice(value, ROLES, path),
            "timeout_s": between(0, _LONGEST_S),
            "output_bytes": whole(1, _LARGEST),
            "cost_usd": at_least_0,
            "arguments": _patterns,
        }
        return cls(**checked_fields(given, cls(), checks))


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """A project's rules about tools.

    Attributes
    ----------
    allow : names or patterns (`*`, `?`) of other people's tools that may be called; those of ML Guard need not be named.
    deny : names or patterns of tools that may not, whatever `allow` says.
    rules : by name or pattern; of several that fit a tool, the first one holds.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    rules: Mapping[str, ToolRule] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, given: Mapping[str, object]) -> Self:
        """Settings from plain data (JSON); what is not given keeps its default.

        Raises
        ------
        SettingsError
            If a field is unknown or has a wrong value: the message names its path and the fix.
        """
        return cls(**checked_fields(given, cls(), {"allow": texts, "deny": texts, "rules": _rules}))

    def denies(self, tool: str) -> bool:
        """Whether a tool is forbidden by name."""
        return fits(tool, self.deny)

    def allows(self, tool: str) -> bool:
        """Whether somebody else's tool is allowed by name."""
        return fits(tool, self.allow)

    def rule(self, tool: str) -> ToolRule:
        """What is said of a tool."""
        return next((rule for pattern, rule in self.rules.items() if fnmatchcase(tool, pattern)), ToolRule())


def fits(text: str, patterns: tuple[str, ...]) -> bool:
    """Whether a text fits one of the patterns."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _patterns(value: object, path: str) -> Mapping[str, tuple[str, ...]]:
    return {name: texts(patterns, f"{path}.{name}") for name, patterns in mapping(value, path).items()}


def _rules(value: object, path: str) -> Mapping[str, ToolRule]:
    rules: dict[str, ToolRule] = {}
    for tool, rule in mapping(value, path).items():
        given = mapping(rule, f"{path}.{tool}")
        try:
            rules[tool] = ToolRule.from_dict(given)
        except ProjectSettingsError as error:
            raise ProjectSettingsError(f"{path}.{tool}.{error}") from None
    return rules


def settings_of(project_settings: Mapping[str, Any]) -> ToolSettings:
    """The section of a project's settings."""
    return ToolSettings.from_dict(project_settings.get("tools", {}))
