"""Requests and responses of the routes of API keys. The secret is only in the response that creates the key."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from guard_core.days import from_microseconds
from guard_core.settings import Role
from guard_store.auth.store import ApiKey


class KeyRequest(BaseModel):
    """A key to create."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, description="What the key is for.")
    role: Role
    project_id: str | None = Field(None, description="The only project that it gives access to; null: all projects.")


class KeyView(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    role: Role
    project_id: str | None
    created_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> "KeyView":
        """Convert a stored key."""
        return cls(**_fields(key))


class CreatedKey(KeyView):
    """A new key; its secret, `key`, is shown only once."""

    key: str

    @classmethod
    def with_secret(cls, key: ApiKey, secret: str) -> "CreatedKey":
        """Convert a stored key and add its secret."""
        return cls(**_fields(key), key=secret)


def _fields(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "project_id": key.project_id,
        "created_at": from_microseconds(key.created_us),
        "revoked_at": None if key.revoked_us is None else from_microseconds(key.revoked_us),
    }
