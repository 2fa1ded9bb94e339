"""Routes of incidents, for analysts; people act on their alerts."""

from typing import Annotated

from fastapi import Depends, Path, Query

from guard_store.alerts.incidents import Incident
from serving.alerts.endpoints import require_in_project
from serving.alerts.incident_schemas import IncidentDetail, IncidentQuery, IncidentView
from serving.alerts.incident_service import IncidentService
from serving.auth.security import Caller
from serving.http.dependencies import EntryDep, part
from serving.http.paging import Page
from serving.http.routing import ANALYST, NOT_FOUND, keyed_router

router = keyed_router("alerts")
Incidents = Annotated[IncidentService, Depends(part(IncidentService))]


def _incident_to_read(
    incident_id: Annotated[str, Path(description="Id of an incident.")],
    caller: Caller,
    incidents: Incidents,
    record: EntryDep,
) -> Incident:
    incident = incidents.find(incident_id)
    require_in_project(caller, "analyst", incident.project_id, record)
    return incident


IncidentToRead = Annotated[Incident, Depends(_incident_to_read)]


@router.get("/incidents", openapi_extra=ANALYST)
def list_incidents(
    query: Annotated[IncidentQuery, Query()], caller: Caller, incidents: Incidents
) -> Page[IncidentView]:
    """List incidents with their alerts, newest first."""
    project_id = query.project_id or caller.project_id
    caller.require("analyst", project_id)
    return incidents.page({**query.filters, "project_id": project_id}, query.cursor, query.limit)


@router.get("/incidents/{incident_id}", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_incident(incident: IncidentToRead, incidents: Incidents) -> IncidentDetail:
    """Read an incident as a thread: its alerts, every step of their histories, and its messages with their attempts."""
    return incidents.detail(incident)
