"""Alert policies of projects, stored as rows.

Their schema and defaults are `guard_core.alerting.policy`; evaluating them belongs to the pipelines.
"""

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

    def of_project(self, project_id: str) -> list[Policy]:
        """Return the policies that a project defines, without the defaults."""
        with self._database.read() as connection:
            return read_policies(connection, project_id)

    def in_force(self, project_id: str) -> list[Policy]:
        """Return the policies that apply to a project, including defaults."""
        return in_force(self.of_project(project_id))

    def put(self, project_id: str, policy: Policy, request_id: str | None) -> None:
        """Create a policy, or replace the one of this name."""
        with self._database.write() as connection:
            _put(connection, project_id, policy, request_id)

    def remove(self, project_id: str, name: str) -> bool:
        """Remove a policy of a project, so that a default of that name applies again; return whether it existed."""
        of_name = and_(alert_policies.c.project_id == project_id, alert_policies.c.name == name)
        with self._database.write() as connection:
            return bool(connection.execute(delete(alert_policies).where(of_name)).rowcount)

    def replace(self, policies: Mapping[str, Sequence[Policy]], request_id: str | None) -> None:
        """Replace all policies of these projects, in one transaction."""
        with self._database.write() as connection:
            for project_id, project_policies in policies.items():
                connection.execute(delete(alert_policies).where(alert_policies.c.project_id == project_id))
                for policy in project_policies:
                    _put(connection, project_id, policy, request_id)


def read_policies(connection: Connection, project_id: str) -> list[Policy]:
    """Return the policies that a project defines, in the transaction of the caller."""
    c = alert_policies.c
    rows = connection.execute(select(c.name, c.body).where(c.project_id == project_id).order_by(c.name))
    return [Policy(name=row.name, **row.body) for row in rows]


def digest_of(policies: Sequence[Policy]) -> str:
    """Return a digest of policies, to notice that they have changed."""
    text = json.dumps([policy.model_dump(mode="json") for policy in policies], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _put(connection: Connection, project_id: str, policy: Policy, request_id: str | None) -> None:
    values = {"body": policy.rule, "changed_us": now_us(), "request_id": request_id}
    insertion = dialect_insert(connection, alert_policies).values(project_id=project_id, name=policy.name, **values)
    connection.execute(insertion.on_conflict_do_update(index_elements=["project_id", "name"], set_=values))
