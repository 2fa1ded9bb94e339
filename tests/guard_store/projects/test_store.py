"""Projects: made once, changed with their consequences or not at all."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection

from guard_store.db.database import Database
from guard_store.projects.store import Project, ProjectExistsError, ProjectStore, new_project_id


@pytest.fixture
def projects(database: Database) -> ProjectStore:
    return ProjectStore(database)


def test_a_project_is_read_as_it_was_made(projects: ProjectStore) -> None:
    made = projects.create("p", "P", "Asia/Kathmandu", {"drift": {"bins": 20}}, request_id="r")
    assert projects.get("p") == made
    assert projects.get("q") is None


def test_of_many_that_make_the_same_project_one_succeeds(projects: ProjectStore) -> None:
    def make(number: int) -> bool:
        try:
            projects.create("p", str(number))
        except ProjectExistsError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(make, range(8))) == 1


def test_a_time_zone_that_is_none_is_refused(projects: ProjectStore) -> None:
    with pytest.raises(ValueError, match="IANA"):
        projects.create("p", "P", "Mars/Olympus")
    projects.create("p", "P")
    with pytest.raises(ValueError, match="IANA"):
        projects.update("p", timezone="Mars/Olympus")
    assert projects.get("q") is None


def test_what_is_not_given_stays(projects: ProjectStore) -> None:
    before = projects.create("p", "P", "UTC", {"a": 1}, request_id="r1")
    after = projects.update("p", name="Q", request_id="r2")
    assert after is not None
    assert projects.get("p") == after
    assert (after.name, after.timezone, after.settings, after.request_id) == ("Q", "UTC", {"a": 1}, "r2")
    assert after.updated_us >= before.updated_us == before.created_us
    assert projects.update("none", name="x") is None


def test_a_change_whose_consequence_fails_does_not_happen(projects: ProjectStore) -> None:
    projects.create("p", "P")

    def fail(_: Connection, before: Project, after: Project) -> None:
        assert (before.timezone, after.timezone) == ("UTC", "Asia/Tokyo")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        projects.update("p", timezone="Asia/Tokyo", consequences=[fail])
    project = projects.get("p")
    assert project is not None
    assert project.timezone == "UTC"


def test_projects_come_in_pages_by_id(projects: ProjectStore) -> None:
    for project_id in ("c", "a", "b"):
        projects.create(project_id, project_id)
    assert [project.id for project in projects.page(limit=2)] == ["a", "b"]
    assert [project.id for project in projects.page(after_id="b")] == ["c"]
    assert [project.id for project in projects.page(only_id="c")] == ["c"]


def test_made_ids_differ() -> None:
    assert len({new_project_id() for _ in range(100)}) == 100
