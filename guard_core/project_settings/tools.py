"""Which tools a project allows: for which role, with which arguments, limits of time and output, and price."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from guard_core.project_settings.section import Section
from guard_core.settings import Role

_MAX_TIMEOUT_S = 600
_MAX_OUTPUT_BYTES = 64 * 2**20

Patterns = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)]


class ToolRule(Section):
    """Settings of a project for one tool; None keeps the default of the tool."""

    role: Role | None = Field(None, description="Lowest role that may call the tool.")
    timeout_s: float | None = Field(None, gt=0, le=_MAX_TIMEOUT_S, description="Time limit of a call in seconds.")
    output_bytes: int | None = Field(None, ge=1, le=_MAX_OUTPUT_BYTES, description="Size limit of a result in bytes.")
    cost_usd: float | None = Field(None, ge=0, description="Cost of one call in US dollars.")
    arguments: Mapping[str, Patterns] | None = Field(
        None,
        description="Patterns (`*`, `?`) by name of the argument, one of which must match; all other arguments are refused.",
    )


class ToolSettings(Section):
    """A project's rules about tools."""

    allow: Patterns = Field(
        (),
        description="Names or patterns (`*`, `?`) of external tools that may be called; those of ML Guard need not be "
        "listed.",
    )
    deny: Patterns = Field(
        (), description="Names or patterns of tools that must not be called, even if `allow` matches them."
    )
    rules: Mapping[str, ToolRule] = Field(
        default_factory=dict,
        description="Rules by name or pattern of tools; the first one that matches a tool applies.",
    )

    def denies(self, tool: str) -> bool:
        """Return whether the name of a tool is denied."""
        return fits(tool, self.deny)

    def allows(self, tool: str) -> bool:
        """Return whether the name of a tool that is not one of ML Guard's is allowed."""
        return fits(tool, self.allow)

    def rule(self, tool: str) -> ToolRule:
        """Return the first rule that matches a tool, or an empty one."""
        return next((rule for pattern, rule in self.rules.items() if fnmatchcase(tool, pattern)), ToolRule())


def fits(text: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a text matches one of the patterns."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)
