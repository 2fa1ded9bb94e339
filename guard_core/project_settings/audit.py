"""What a project's audit trail keeps in addition to the ledger."""

from pydantic import Field

from guard_core.project_settings.section import Section


class AuditSettings(Section):
    """What is kept for the audit."""

    bodies: bool = Field(default=False, description="Whether bodies of calls of language models are kept.")
