"""Signed checkpoints of the chain's hash at a row, so that not even the owner of the database can rewrite it unnoticed.

Signatures are Ed25519. The private key is a setting or a file in the home folder; each checkpoint has the public key.
"""

import base64
import binascii
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from guard_core.settings import Settings, SettingsError

Kind = Literal["periodic", "retention"]
_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of the chain at one row; `public_key` and `signature` are base64."""

    seq: int
    hash: str
    kind: str
    made_us: int
    public_key: str
    signature: str

    @property
    def is_signed(self) -> bool:
        """Whether the signature matches the public key; whether that key is trusted is checked by `verify`."""
        try:
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.public_key, validate=True))
            key.verify(
                base64.b64decode(self.signature, validate=True), _message(self.seq, self.hash, self.kind, self.made_us)
            )
        except (InvalidSignature, ValueError):  # base64's own error is a ValueError
            return False
        return True


class Signer:
    """Signs checkpoints; its representation does not show the key."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def checkpoint(self, seq: int, row_hash: str, kind: Kind, made_us: int) -> Checkpoint:
        """Sign the state of the chain at a row."""
        signature = base64.b64encode(self._key.sign(_message(seq, row_hash, kind, made_us))).decode()
        return Checkpoint(seq, row_hash, kind, made_us, self.public_key, signature)


def load_signer(settings: Settings) -> Signer:
    """Load the key from the settings, or from the home folder, where it is created if it is missing.

    Raises
    ------
    SettingsError
        If the key is invalid.
    """
    if settings.audit.key is not None:
        return Signer(_seed(settings.audit.key.get_secret_value(), "ML_GUARD_AUDIT_KEY"))
    path = settings.storage.home / "audit.key"
    if not path.exists():
        _create_key(path)
    return Signer(_seed(path.read_text(), str(path)))


def _create_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{uuid.uuid4().hex}")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "wb") as key:
        key.write(base64.b64encode(os.urandom(_SEED_BYTES)))
        key.flush()
        os.fsync(file)
    try:
        os.link(temporary, path)  # atomic: of many processes that start at once, only one creates the key
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _seed(text: str, name: str) -> bytes:
    try:
        seed = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        seed = b""
    if len(seed) != _SEED_BYTES:
        raise SettingsError(f"{name}: must be {_SEED_BYTES} random bytes in base64 (openssl rand -base64 32)")
    return seed


def _message(seq: int, row_hash: str, kind: str, made_us: int) -> bytes:
    return msgspec.json.encode(["ml-guard ledger checkpoint", seq, row_hash, kind, made_us])
