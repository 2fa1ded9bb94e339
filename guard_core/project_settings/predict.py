"""How a project's models answer `/predict`."""

from pydantic import Field

from guard_core.project_settings.section import Section


class PredictSettings(Section):
    """How predictions are made."""

    shadow: bool = Field(
        default=False,
        description="Whether the challenger also scores live traffic; its predictions are not returned.",
    )
