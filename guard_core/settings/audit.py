"""Signing of the ledger's checkpoints."""

from pathlib import Path

from pydantic import Field, SecretStr

from guard_core.settings.group import Group, Positive


class AuditSettings(Group):
    """Group `audit` of the settings."""

    title = "Audit"
    prefix = "AUDIT_"

    key: SecretStr | None = Field(
        None,
        description="Ed25519 seed that signs the ledger's checkpoints: 32 random bytes in base64."
        " Unset: `audit.key` in the home folder, made at the first start.",
    )
    checkpoint_s: Positive = Field(300, description="Seconds between two signed checkpoints of the ledger.")
    checkpoint_rows: Positive = Field(
        10_000, description="Rows of the ledger without a signed checkpoint after which the next one is signed early."
    )
    checkpoints_file: Path | None = Field(
        None,
        description="File to which every signed checkpoint is appended, best on another disk than the ledger."
        " Unset: beside the home folder, with its name and `.checkpoints.jsonl`.",
    )
