"""The manifest of a backup: what it consists of, and what it must contain after a restoration."""

from typing import Final

import msgspec

from guard_store.ledger.checkpoints import Checkpoint

FORMAT: Final = 1


class File(msgspec.Struct, frozen=True):
    """A file of the archive; `sha256` is that of its content, in hex."""

    name: str
    size: int
    sha256: str


class LedgerHead(msgspec.Struct, frozen=True):
    """The last row of the ledger."""

    seq: int
    hash: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a backup.

    Attributes
    ----------
    format : version of this layout.
    version : that of ML Guard.
    schema : revision of the database's schema.
    engine : of the database that was read, `sqlite` or `postgresql`.
    instant_us : everything that was acknowledged before this instant is contained.
    rows : number of rows by table.
    ledger : None if the ledger has no rows.
    checkpoint : newest signed checkpoint of the ledger; None if none is signed yet.
    mlflow_artifacts : folder of MLflow's files, as its database names it; None if it is not contained.
    left_out : what is not contained, each with the way to get it back.
    """

    format: int
    version: str
    schema: str
    engine: str
    instant_us: int
    files: list[File]
    rows: dict[str, int]
    ledger: LedgerHead | None
    checkpoint: Checkpoint | None
    mlflow_artifacts: str | None
    left_out: list[str]
