"""The ledger: its rows with their hashes, its verification, and its export."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from guard_core.days import from_microseconds, local_days
from guard_core.settings import ServerSettings
from guard_store.projects.store import ProjectStore
from serving.audit.endpoints import Audit, csv_response, filter_of
from serving.audit.schemas import AuditQuery, CheckpointView, VerificationView
from serving.audit.service import AuditService
from serving.auth.principal import Principal
from serving.auth.security import Caller
from serving.http.dependencies import part
from serving.http.routing import ADMIN, ADMIN_OF_ALL, ProjectStoreDep
from serving.pages import addresses
from serving.pages.rendering import Renderer, RendererDep
from serving.pages.routing import page_router

_ROWS = 50

router = page_router()
ServerSettingsDep = Annotated[ServerSettings, Depends(part(ServerSettings))]


class AuditFilters(BaseModel):
    """The filters of the page as they stand in its address; empty ones are left out."""

    model_config = ConfigDict(extra="forbid")

    project: str | None = None
    key: str | None = None
    route: str | None = None
    request: str | None = None
    model: str | None = None
    user: str | None = None
    flag: str | None = None
    flagged: bool | None = None
    from_: date | None = Field(None, alias="from")
    to: date | None = None
    cursor: str | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _leave_out_empty(cls, value: object, _: ValidationInfo) -> object:
        return None if value == "" else value

    def query(self, timezone: str) -> AuditQuery:
        """Return the query of the JSON route; days are local days of a time zone, `to` included."""
        days = local_days(timezone)
        return AuditQuery(
            project_id=self.project,
            key_id=self.key,
            route=self.route,
            request_id=self.request,
            model=self.model,
            end_user=self.user,
            compliance_flag=self.flagged,
            flag=self.flag,
            since=None if self.from_ is None else from_microseconds(days.bounds_us(self.from_)[0]),
            until=None if self.to is None else from_microseconds(days.bounds_us(self.to)[1]),
        )

    def address(self, path: str = "/audit", **changes: str | None) -> str:
        """Return the address of the page with these filters; a changed filter begins at the newest row."""
        given = {**self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"cursor"}), **changes}
        return addresses.with_query(path, {name: str(value) for name, value in given.items() if value is not None})


def _timezone(filters: "Filters", caller: Caller, projects: ProjectStoreDep, settings: ServerSettingsDep) -> str:
    return timezone_of(filters.project or caller.project_id, projects, settings)


def timezone_of(project_id: str | None, projects: ProjectStore, settings: ServerSettings) -> str:
    """Return the time zone of a project, or of the server without one."""
    project = None if project_id is None else projects.get(project_id)
    return settings.timezone if project is None else project.timezone


Filters = Annotated[AuditFilters, Query()]
Timezone = Annotated[str, Depends(_timezone)]


@router.get("/audit", openapi_extra=ADMIN)
def show_audit(
    request: Request, filters: Filters, timezone: Timezone, caller: Caller, audit: Audit, pages: RendererDep
) -> Response:
    """Show rows of the ledger, newest first."""
    return _page(request, filters, timezone, caller, audit, pages, None)


@router.post("/audit/verify", openapi_extra=ADMIN_OF_ALL)
def verify(
    request: Request, filters: Filters, timezone: Timezone, caller: Caller, audit: Audit, pages: RendererDep
) -> Response:
    """Verify the whole chain, and show the result above the rows."""
    return _page(request, filters, timezone, caller, audit, pages, VerificationView.of(audit.store.verify()))


@router.get("/audit/export", openapi_extra=ADMIN)
def export(filters: Filters, timezone: Timezone, caller: Caller, audit: Audit) -> Response:
    """Export the filtered rows as CSV, as the JSON API does."""
    return csv_response(audit, filter_of(filters.query(timezone), caller))


def headline(verification: VerificationView | None, checkpoint: CheckpointView | None) -> str:
    """Return the sentence that answers whether the ledger can be trusted."""
    if verification is not None:
        if not verification.ok:
            return f"The chain is broken at row {verification.broken_seq:,}: {verification.problem}"
        if not verification.rows:
            return "The ledger is empty"
        return f"The chain is whole: rows {verification.first_seq:,} to {verification.last_seq:,}"
    if checkpoint is None:
        return "No row of the ledger is signed yet"
    return f"The ledger is signed up to row {checkpoint.seq:,}"


def _page(
    request: Request,
    filters: AuditFilters,
    timezone: str,
    caller: Principal,
    audit: AuditService,
    pages: Renderer,
    verification: VerificationView | None,
) -> Response:
    stored = audit.store.newest_checkpoint()
    checkpoint = None if stored is None else CheckpointView.of(stored)
    return pages.page(
        request,
        "audit.html",
        filters=filters,
        timezone=timezone,
        rows=audit.page(filter_of(filters.query(timezone), caller), filters.cursor, _ROWS),
        headline=headline(verification, checkpoint),
        verification=verification,
        checkpoint=checkpoint,
        signed_at=None if checkpoint is None else from_microseconds(checkpoint.made_us),
    )
