"""Stored incidents: pages of them, and the alerts and history steps of each.

Opening and resolving incidents is `fold`; their messages are in `outbox`.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select

from guard_core.alerting.alert_state import Alert
from guard_store.alerts.store import STEP_COLUMNS, Step
from guard_store.alerts.tables import REPORT, alert_history, alerts, incidents
from guard_store.db.database import Database


@dataclass(frozen=True, slots=True)
class Incident:
    """A stored incident; the attributes are the columns of `incidents`.

    Attributes
    ----------
    thread : title of its first message; None if no message was written.
    messages : number of messages.
    """

    id: str
    project_id: str
    model_id: str
    state: str
    thread: str | None
    messages: int
    opened_us: int
    resolved_us: int | None


class IncidentStore:
    """Reads incidents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, incident_id: str) -> Incident | None:
        """Return an incident by its id."""
        with self._database.read() as connection:
            row = connection.execute(
                select(incidents).where(incidents.c.id == incident_id, incidents.c.state != REPORT)
            ).one_or_none()
        return None if row is None else Incident(**row._mapping)

    def page(self, filters: Mapping[str, str | None], *, before: tuple[int, str], limit: int) -> list[Incident]:
        """Return incidents, newest first, after the position `before` (instant, id).

        Parameters
        ----------
        filters : required value by column; None allows any value.
        """
        c = incidents.c
        conditions: list[ColumnElement[bool]] = [
            c[name] == value for name, value in filters.items() if value is not None
        ]
        conditions.append(c.state != REPORT)
        conditions.append(or_(c.opened_us < before[0], and_(c.opened_us == before[0], c.id > before[1])))
        statement = select(incidents).where(*conditions).order_by(c.opened_us.desc(), c.id).limit(limit)
        with self._database.read() as connection:
            return [Incident(**row._mapping) for row in connection.execute(statement)]

    def count_open(self) -> dict[tuple[str, str], int]:
        """Return the number of open incidents by project and model; both are empty for the whole installation."""
        c = incidents.c
        statement = select(c.project_id, c.model_id, func.count()).where(c.state == "open")
        with self._database.read() as connection:
            rows = connection.execute(statement.group_by(c.project_id, c.model_id))
            return {(project_id, model_id): n for project_id, model_id, n in rows}

    def alerts(self, incident_ids: Collection[str]) -> dict[str, list[Alert]]:
        """Return the alerts of incidents by incident, oldest first."""
        c = alerts.c
        statement = select(alerts).where(c.incident_id.in_(incident_ids)).order_by(c.opened_us, c.id)
        by_incident: dict[str, list[Alert]] = defaultdict(list)
        with self._database.read() as connection:
            for row in connection.execute(statement):
                by_incident[row.incident_id].append(Alert(**row._mapping))
        return by_incident

    def steps(self, incident_id: str) -> list[tuple[str, Step]]:
        """Return the id of the alert and the step, for all steps of an incident's alerts in order of time."""
        c = alert_history.c
        statement = (
            select(c.alert_id, *(c[name] for name in STEP_COLUMNS))
            .join(alerts, alerts.c.id == c.alert_id)
            .where(alerts.c.incident_id == incident_id)
            .order_by(c.at_us, c.seq)
        )
        with self._database.read() as connection:
            return [(alert_id, Step(*step)) for alert_id, *step in connection.execute(statement)]
