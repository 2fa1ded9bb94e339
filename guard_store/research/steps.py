"""What the steps of a research were given, kept for a while so that they can be taken again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select

from guard_store.db.database import Database
from guard_store.research.tables import research_steps


@dataclass(frozen=True, slots=True)
class ResearchStep:
    """One call of a tool by a research.

    Attributes
    ----------
    input : JSON text, as the policy let it through; `input_hash` and `output_hash` are on the ledger too.
    knowledge_version : of the knowledge base that it saw; None where it saw none.
    made_us : when the research ended, the same for all of its steps.
    """

    call_id: str
    request_id: str
    place: int
    project_id: str | None
    key_id: str | None
    tool: str
    input: str
    input_hash: str
    output_hash: str
    knowledge_version: int | None
    made_us: int


class ResearchStepStore:
    """Keeps steps by request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, steps: Sequence[ResearchStep]) -> None:
        """Keep the steps of a research."""
        if steps:
            with self._database.write() as connection:
                connection.execute(insert(research_steps), [asdict(step) for step in steps])

    def of(self, request_id: str) -> list[ResearchStep]:
        """The steps of a request in their order, of the newest one where callers have used its id again; none if forgotten."""
        c = research_steps.c
        wanted = select(research_steps).where(c.request_id == request_id).order_by(c.made_us.desc(), c.place)
        with self._database.read() as connection:
            found = [ResearchStep(**row._mapping) for row in connection.execute(wanted)]
        return [step for step in found if step.made_us == found[0].made_us]

    def delete(self, request_id: str, project_id: str | None = None) -> int:
        """Forget the steps of a request, of one project where it is named; returns how many."""
        chosen = research_steps.c.request_id == request_id
        if project_id is not None:
            chosen &= research_steps.c.project_id == project_id
        with self._database.write() as connection:
            return connection.execute(delete(research_steps).where(chosen)).rowcount

    def sweep(self, before_us: int) -> int:
        """Forget what was made before an instant; returns how many steps."""
        with self._database.write() as connection:
            return connection.execute(delete(research_steps).where(research_steps.c.made_us < before_us)).rowcount
