"""The lake on an S3 server: written, replaced, read and checked by the same runs as on a disk."""

from contextlib import closing

import boto3
import pytest

from guard_core.settings import load_settings
from guard_store.lake.store import Lake
from guard_store.projects.store import ProjectStore
from tests.support.aws import SeededAws
from tests.support.pipelines import Pipelines
from tests.support.stored_events import event, store


@pytest.fixture
def bucket(aws: SeededAws, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket that the lake's setting names; ask for it before `pipelines`."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("ML_GUARD_LAKE_URL", "s3://lake/guard")
    with closing(boto3.client("s3", region_name="us-east-1")) as s3:
        s3.create_bucket(Bucket="lake")
    return "lake"


def test_days_go_through_the_pipelines_and_late_events_replace_them(bucket: str, pipelines: Pipelines) -> None:
    ProjectStore(pipelines.database).create("a/b", "Odd name", "America/New_York")
    days = {"2013-03-09": 3, "2013-03-10": 2}
    store(
        pipelines.database,
        [event("a/b", "m", f"{day}T12:00:00Z", {"x": n}) for day, rows in days.items() for n in range(rows)],
    )
    pipelines.settle()
    assert pipelines.counts("a/b") == days
    first = pipelines.lake("a/b")
    assert {day: first.rows(day) for day in first.days} == days

    store(pipelines.database, [event("a/b", "m", "2013-03-10T13:00:00Z", {"x": 7})])
    pipelines.settle()
    assert pipelines.counts("a/b") == {**days, "2013-03-10": 3}
    again = pipelines.lake("a/b")
    assert (again.rows("2013-03-10"), again.version > first.version) == (3, True)
    before = Lake(load_settings().storage.lake).snapshot("a/b", "m", first.version)
    assert before is not None
    assert before.rows("2013-03-10") == 2

    with closing(boto3.client("s3", region_name="us-east-1")) as s3:
        objects = s3.list_objects_v2(Bucket=bucket, Prefix="guard/")
    names = [found["Key"] for found in objects["Contents"]]
    assert any("_delta_log" in name for name in names)
    assert any(name.endswith(".parquet") for name in names)
