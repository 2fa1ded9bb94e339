"""Which tools a project allows: called by which role, with what arguments, how long, how much output, at what price."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from guard_core.project_settings.section import Section
from guard_core.settings import Role

_LONGEST_S = 600
_LARGEST = 64 * 2**20

Patterns = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)]


class ToolRule(Section):
    """What a project changes about one tool; None leaves it as it is."""

    role: Role | None = Field(None, description="The least role that may call the tool.")
    timeout_s: float | None = Field(None, gt=0, le=_LONGEST_S, description="Seconds that a call may take.")
    output_bytes: int | None = Field(None, ge=1, le=_LARGEST, description="Bytes that a result may have.")
    cost_usd: float | None = Field(None, ge=0, description="Cost of one call in US dollars.")
    arguments: Mapping[str, Patterns] | None = Field(
        None,
        description="By name of the argument, patterns (`*`, `?`) of which one must fit; other arguments are refused then.",
    )


class ToolSettings(Section):
    """A project's rules about tools."""

    allow: Patterns = Field(
        (),
        description="Names or patterns (`*`, `?`) of other people's tools that may be called; those of ML Guard need not "
        "be named.",
    )
    deny: Patterns = Field((), description="Names or patterns of tools that may not be called, whatever `allow` has.")
    rules: Mapping[str, ToolRule] = Field(
        default_factory=dict,
        description="Rules by name or pattern of tools; of several that fit a tool, the first one holds.",
    )

    def denies(self, tool: str) -> bool:
        """Return whether a tool is forbidden by name."""
        return fits(tool, self.deny)

    def allows(self, tool: str) -> bool:
        """Return whether a tool that is not ML Guard's is allowed by name."""
        return fits(tool, self.allow)

    def rule(self, tool: str) -> ToolRule:
        """Return the first rule that fits a tool, or an empty one."""
        return next((rule for pattern, rule in self.rules.items() if fnmatchcase(tool, pattern)), ToolRule())


def fits(text: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a text fits one of the patterns."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)
