"""Backups."""

from pydantic import Field, SecretStr

from guard_core.settings.group import Group


class BackupSettings(Group):
    """Group `backup` of the settings."""

    title = "Backups"
    prefix = "BACKUP_"

    passphrase: SecretStr | None = Field(
        None,
        description="Passphrase under which `ml-guard backup` encrypts the key that signs checkpoints, and `ml-guard restore`"
        " decrypts it. Unset: the commands ask for it.",
    )
