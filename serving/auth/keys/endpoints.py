"""Routes of API keys. An admin of one project makes, sees and revokes the keys of that project only."""

from typing import Annotated

from fastapi import Path

from serving.auth.keys.schemas import KeyMade, KeyRequest, KeyView
from serving.auth.security import Caller
from serving.http.paging import Cursor, Limit, Page, decode_cursor, page_of
from serving.http.problems import NotFound
from serving.http.routing import ADMIN, NOT_FOUND, find_project, keyed_router
from serving.services import Provided

router = keyed_router("keys")


@router.post("/keys", status_code=201, responses=NOT_FOUND, openapi_extra=ADMIN)
def make_key(body: KeyRequest, caller: Caller, services: Provided) -> KeyMade:
    """Make a key; the answer is the only place where it is shown."""
    if body.project_id is None:
        caller.require_all_projects("admin")
    else:
        caller.require("admin", body.project_id)
        find_project(services.projects, body.project_id)
    return KeyMade.with_secret(*services.keys.create(body.name, body.role, body.project_id))


@router.get("/keys", openapi_extra=ADMIN)
def list_keys(caller: Caller, services: Provided, cursor: Cursor = None, limit: Limit = 100) -> Page[KeyView]:
    """List keys, oldest first, revoked ones too."""
    after = decode_cursor(cursor, tuple[int, str], (0, ""))
    keys = services.keys.page(project_id=caller.project_id, after=after, limit=limit + 1)
    return page_of(keys, limit, position=lambda key: (key.created_us, key.id), item=KeyView.of)


@router.delete("/keys/{key_id}", status_code=204, responses=NOT_FOUND, openapi_extra=ADMIN)
def revoke_key(key_id: Annotated[str, Path(description="Id of a key.")], caller: Caller, services: Provided) -> None:
    """Revoke a key: from the next look-up on it is answered 401."""
    key = services.keys.get(key_id)
    if key is None or (caller.project_id is not None and key.project_id != caller.project_id):
        raise NotFound(f"There is no key {key_id!r}.")
    services.keys.revoke(key_id)
    services.key_ring.forget(key_id)
