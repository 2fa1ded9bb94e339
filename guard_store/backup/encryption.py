"""Secrets under a passphrase: scrypt makes a key of it, AES-256-GCM encrypts."""

import os
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from guard_store.backup.archive import BackupError

_COST: Final = 2**16  # with blocks of 8: 64 MB of memory for each guess
_BLOCK: Final = 8
_CONTEXT: Final = b"ml-guard backup "


class _Sealed(msgspec.Struct, frozen=True):
    salt: bytes
    nonce: bytes
    ciphertext: bytes
    cost: int = _COST
    block: int = _BLOCK


def encrypt(secret: bytes, passphrase: str, name: str) -> bytes:
    """Return the secret as encrypted JSON, which can only be decrypted under the same name."""
    salt, nonce = os.urandom(16), os.urandom(12)
    key = _key(passphrase, salt, _COST, _BLOCK)
    return msgspec.json.encode(_Sealed(salt, nonce, AESGCM(key).encrypt(nonce, secret, _CONTEXT + name.encode())))


def decrypt(data: bytes, passphrase: str, name: str) -> bytes:
    """Return the secret.

    Raises
    ------
    BackupError
        If the passphrase is another one.
    """
    sealed = msgspec.json.decode(data, type=_Sealed)
    key = _key(passphrase, sealed.salt, sealed.cost, sealed.block)
    try:
        return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, _CONTEXT + name.encode())
    except InvalidTag:
        raise BackupError(f"{name}: this is not the passphrase with which it was encrypted") from None


def _key(passphrase: str, salt: bytes, cost: int, block: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=cost, r=block, p=1).derive(passphrase.encode())
