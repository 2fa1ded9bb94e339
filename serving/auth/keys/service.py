"""API keys: created, listed and revoked."""

from guard_store.auth.store import KeyStore
from serving.auth.keys.schemas import CreatedKey, KeyRequest, KeyView
from serving.auth.security import KeyRing
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import NotFound


class KeyService:
    """Creates, lists and revokes keys."""

    def __init__(self, keys: KeyStore, key_ring: KeyRing) -> None:
        self._keys = keys
        self._key_ring = key_ring

    def create(self, body: KeyRequest) -> CreatedKey:
        """Create a key; only the hash of its secret is stored."""
        return CreatedKey.with_secret(*self._keys.create(body.name, body.role, body.project_id))

    def page(self, project_id: str | None, cursor: str | None, limit: int) -> Page[KeyView]:
        """Return a page of the keys of a project, or of all keys, oldest first."""
        after = decode_cursor(cursor, tuple[int, str], (0, ""))
        keys = self._keys.page(project_id=project_id, after=after, limit=limit + 1)
        return page_of(keys, limit, position=lambda key: (key.created_us, key.id), item=KeyView.of)

    def revoke(self, key_id: str, project_id: str | None) -> None:
        """Revoke a key.

        Raises
        ------
        NotFound
            If there is none, or it belongs to another project than the caller's.
        """
        key = self._keys.get(key_id)
        if key is None or (project_id is not None and key.project_id != project_id):
            raise NotFound(f"There is no key {key_id!r}.")
        self._keys.revoke(key_id)
        self._key_ring.forget(key_id)
