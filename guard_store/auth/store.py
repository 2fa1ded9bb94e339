"""API keys: generated with high entropy, shown once, stored as SHA-256 only; each has a role and a project scope.

Only identifying a key belongs here; the routes decide what a role may do.
"""

import hashlib
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Row, and_, func, insert, select, update

from guard_core.days import now_us
from guard_core.settings import Role
from guard_store.auth.tables import api_keys
from guard_store.db.database import Database

PREFIX = "mlg_"
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored key; `project_id` None means all projects."""

    id: str
    name: str
    role: Role
    project_id: str | None
    created_us: int
    revoked_us: int | None


class KeyStore:
    """Creates, finds, lists and revokes keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, name: str, role: Role, project_id: str | None = None, *, secret: str | None = None
    ) -> tuple[ApiKey, str]:
        """Create a key; return its record and its secret, which cannot be shown again.

        Parameters
        ----------
        secret : a key that exists elsewhere (the local demo, a file of the operator); random by default.
        """
        secret = secret or new_secret()
        key = ApiKey(uuid.uuid4().hex, name, role, project_id, now_us(), None)
        row = {
            "id": key.id,
            "key_hash": hash_key(secret),
            "name": name,
            "role": role,
            "project_id": project_id,
            "created_us": key.created_us,
        }
        with self._database.write() as connection:
            connection.execute(insert(api_keys), row)
        return key, secret

    def find(self, secret: str) -> ApiKey | None:
        """Return the key of a secret, even if it is revoked; None if the secret is unknown."""
        digest = hash_key(secret)
        return self.find_hashed((digest,)).get(digest)

    def find_hashed(self, digests: Collection[str]) -> dict[str, ApiKey]:
        """Return the keys of hashed secrets (`hash_key`), even revoked ones; unknown hashes are left out."""
        # The index compares hashes, which an attacker cannot choose: the time of the comparison tells nothing.
        with self._database.read() as connection:
            rows = connection.execute(select(api_keys).where(api_keys.c.key_hash.in_(digests)))
            return {row.key_hash: _key(row) for row in rows}

    def page(self, *, project_id: str | None = None, after: tuple[int, str] = (0, ""), limit: int) -> list[ApiKey]:
        """Return keys, oldest first, after the position (created_us, id); of one project, or of all."""
        created_us, key_id = after
        later = (api_keys.c.created_us > created_us) | and_(api_keys.c.created_us == created_us, api_keys.c.id > key_id)
        statement = select(api_keys).where(later).order_by(api_keys.c.created_us, api_keys.c.id).limit(limit)
        if project_id is not None:
            statement = statement.where(api_keys.c.project_id == project_id)
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(statement)]

    def get(self, key_id: str) -> ApiKey | None:
        """Return a key by its id."""
        with self._database.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
        return None if row is None else _key(row)

    def names(self, key_ids: Collection[str]) -> dict[str, str]:
        """Return the name of each of these keys that exists."""
        statement = select(api_keys.c.id, api_keys.c.name).where(api_keys.c.id.in_(key_ids))
        with self._database.read() as connection:
            return {row.id: row.name for row in connection.execute(statement)}

    def revoke(self, key_id: str) -> bool:
        """Revoke a key; return False if there is no such key. Revoking it again keeps the first time."""
        with self._database.write() as connection:
            active = and_(api_keys.c.id == key_id, api_keys.c.revoked_us.is_(None))
            changed = connection.execute(update(api_keys).where(active).values(revoked_us=now_us())).rowcount
            if changed:
                return True
            return connection.scalar(select(api_keys.c.id).where(api_keys.c.id == key_id)) is not None

    def has_admin(self) -> bool:
        """Return whether there is a valid admin key for all projects."""
        admin = and_(api_keys.c.role == "admin", api_keys.c.project_id.is_(None), api_keys.c.revoked_us.is_(None))
        with self._database.read() as connection:
            return connection.scalar(select(api_keys.c.id).where(admin).limit(1)) is not None

    def count(self) -> int:
        """Return the number of keys, including revoked ones."""
        with self._database.read() as connection:
            return connection.scalar(select(func.count()).select_from(api_keys)) or 0


def new_secret() -> str:
    """Return a random key."""
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def hash_key(secret: str) -> str:
    """Return the SHA-256 of a key in hexadecimal; a random secret of 256 bits needs no slower hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(row.id, row.name, row.role, row.project_id, row.created_us, row.revoked_us)
