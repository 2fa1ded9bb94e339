"""What a project's audit trail keeps in addition to the ledger."""

from pydantic import Field

from guard_core.project_settings.section import Section


class AuditSettings(Section):
    """What the audit trail keeps in addition to the ledger."""

    bodies: bool = Field(default=False, description="Whether to keep the bodies of calls of language models.")
