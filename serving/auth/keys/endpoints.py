"""Routes of API keys. An admin of one project creates, lists and revokes the keys of that project only."""

from typing import Annotated

from fastapi import Depends, Path

from serving.auth.keys.schemas import CreatedKey, KeyRequest, KeyView
from serving.auth.keys.service import KeyService
from serving.auth.security import Caller
from serving.http.dependencies import part
from serving.http.paging import Cursor, Limit, Page
from serving.http.routing import ADMIN, NOT_FOUND, ProjectStoreDep, find_project, keyed_router

router = keyed_router("keys")
Keys = Annotated[KeyService, Depends(part(KeyService))]


@router.post("/keys", status_code=201, responses=NOT_FOUND, openapi_extra=ADMIN)
def make_key(body: KeyRequest, caller: Caller, keys: Keys, projects: ProjectStoreDep) -> CreatedKey:
    """Create a key; its secret is in this response only."""
    if body.project_id is None:
        caller.require_all_projects("admin")
    else:
        caller.require("admin", body.project_id)
        find_project(projects, body.project_id)
    return keys.create(body)


@router.get("/keys", openapi_extra=ADMIN)
def list_keys(caller: Caller, keys: Keys, cursor: Cursor = None, limit: Limit = 100) -> Page[KeyView]:
    """List keys, oldest first, revoked ones too."""
    return keys.page(caller.project_id, cursor, limit)


@router.delete("/keys/{key_id}", status_code=204, responses=NOT_FOUND, openapi_extra=ADMIN)
def revoke_key(key_id: Annotated[str, Path(description="Id of a key.")], caller: Caller, keys: Keys) -> None:
    """Revoke a key: requests with it are answered 401 from its next look-up on."""
    keys.revoke(key_id, caller.project_id)
