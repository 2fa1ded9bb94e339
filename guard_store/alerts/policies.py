"""The policies of projects, as they are kept: read, put, removed, replaced as a whole."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, and_, delete, select

from guard_core.alerting.policy import Policy, in_force
from guard_core.days import now_us
from guard_store.alerts.tables import alert_policies
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert


class PolicyStore:
    """Reads and changes policies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def own(self, project_id: str) -> list[Policy]:
        """What a project has said itself."""
        with self._database.read() as connection:
            return own_policies(connection, project_id)

    def in_force(self, project_id: str) -> list[Policy]:
        """What decides: its own policies, and the defaults beside them."""
        return in_force(self.own(project_id))

    def put(self, project_id: str, policy: Policy, request_id: str | None) -> None:
        """Make a policy, or replace the one of this name."""
        with self._database.write() as connection:
            _put(connection, project_id, policy, request_id)

    def remove(self, project_id: str, name: str) -> bool:
        """Remove a policy of the project's own; a default of that name is in force again. Whether there was one."""
        of_name = and_(alert_policies.c.project_id == project_id, alert_policies.c.name == name)
        with self._database.write() as connection:
            return bool(connection.execute(delete(alert_policies).where(of_name)).rowcount)

    def replace(self, policies: Mapping[str, Sequence[Policy]], request_id: str | None) -> None:
        """Replace all policies of the projects that are named, in one transaction."""
        with self._database.write() as connection:
            for project_id, of_project in policies.items():
                connection.execute(delete(alert_policies).where(alert_policies.c.project_id == project_id))
                for policy in of_project:
                    _put(connection, project_id, policy, request_id)


def own_policies(connection: Connection, project_id: str) -> list[Policy]:
    """What a project has said itself, in the transaction of who asks."""
    c = alert_policies.c
    rows = connection.execute(select(c.name, c.body).where(c.project_id == project_id).order_by(c.name))
    return [Policy(name=row.name, **row.body) for row in rows]


def digest_of(policies: Sequence[Policy]) -> str:
    """Names policies: the same ones have the same digest."""
    text = json.dumps([policy.model_dump(mode="json") for policy in policies], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _put(connection: Connection, project_id: str, policy: Policy, request_id: str | None) -> None:
    values = {"body": policy.rule, "changed_us": now_us(), "request_id": request_id}
    insertion = dialect_insert(connection, alert_policies).values(project_id=project_id, name=policy.name, **values)
    connection.execute(insertion.on_conflict_do_update(index_elements=["project_id", "name"], set_=values))
