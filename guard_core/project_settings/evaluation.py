"""Which answers of language models become events; judging them is `serving.gateway.evaluations`."""

from pydantic import Field

from guard_core.project_settings.section import Section


class EvaluationSettings(Section):
    """Which answers of language models are evaluated."""

    share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the answered calls of language models that become events, chosen by the request's id.",
    )
