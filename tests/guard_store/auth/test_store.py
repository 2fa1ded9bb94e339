"""Keys: high entropy, kept as a hash only, scoped, revoked for good."""

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from guard_store.auth.store import KeyStore, hash_key
from guard_store.auth.tables import api_keys
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore


@pytest.fixture
def keys(database: Database) -> KeyStore:
    return KeyStore(database)


def test_a_key_is_found_by_itself_only(keys: KeyStore) -> None:
    key, secret = keys.create("k", "analyst")
    assert keys.find(secret) == key
    assert keys.find(secret + "x") is None
    assert keys.find(hash_key(secret)) is None
    assert keys.find("") is None


def test_only_the_hash_is_stored(keys: KeyStore, database: Database) -> None:
    _, secret = keys.create("k", "admin")
    with database.read() as connection:
        row = connection.execute(select(api_keys)).one()
    assert row.key_hash == hash_key(secret)
    assert secret not in map(str, row)


def test_keys_are_long_and_never_the_same(keys: KeyStore) -> None:
    secrets = {keys.create("k", "guest")[1] for _ in range(20)}
    assert len(secrets) == 20
    assert all(secret.startswith("mlg_") and len(secret) == 4 + 43 for secret in secrets)


def test_the_same_literal_key_cannot_be_made_twice(keys: KeyStore) -> None:
    keys.create("demo", "admin", secret="demo-key")
    with pytest.raises(IntegrityError):
        keys.create("demo", "admin", secret="demo-key")


def test_a_revoked_key_is_found_as_revoked_and_keeps_its_instant(keys: KeyStore) -> None:
    key, secret = keys.create("k", "admin")
    assert keys.has_admin()
    assert keys.revoke(key.id)
    revoked = keys.find(secret)
    assert revoked is not None
    assert revoked.revoked_us is not None
    assert keys.revoke(key.id)
    assert keys.find(secret) == revoked
    assert not keys.has_admin()
    assert keys.count() == 1
    assert not keys.revoke("none")


def test_an_admin_of_one_project_is_not_the_admin(keys: KeyStore, database: Database) -> None:
    ProjectStore(database).create("p", "P")
    keys.create("k", "admin", "p")
    keys.create("k", "analyst")
    assert not keys.has_admin()


def test_keys_come_in_pages_oldest_first(keys: KeyStore, database: Database) -> None:
    ProjectStore(database).create("p", "P")
    made = [keys.create(str(n), "guest", "p" if n % 2 else None)[0] for n in range(5)]
    made.sort(key=lambda key: (key.created_us, key.id))
    first = keys.page(limit=2)
    rest = keys.page(after=(first[-1].created_us, first[-1].id), limit=10)
    assert [*first, *rest] == made
    assert {key.project_id for key in keys.page(project_id="p", limit=10)} == {"p"}
