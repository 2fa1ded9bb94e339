"""Costs come from AWS to the cent, whole or not at all, and are asked for no more often than need be."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from guard_store.costs.pull import CostPull, pull_aws
from guard_store.costs.request_limit import RequestBudget
from guard_store.costs.rows import CostDay
from guard_store.costs.store import CostStore
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from tests.support.aws import OddAws, Refusal, SeededAws, line, page, period
from tests.support.settings import settings_of

FIRST, LAST = date(2026, 1, 30), date(2026, 2, 2)
Pull = Callable[..., CostPull]


def days_of(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


@pytest.fixture
def pull(database: Database, tmp_path: Path) -> Pull:
    """Pull days of all projects; there is `flights`, in New York."""
    ProjectStore(database).create("flights", "Flights", "America/New_York")

    def pull(
        first: date = FIRST, last: date = LAST, *, overwrite: bool = False, zone: str | None = None, **settings: Any
    ) -> CostPull:
        ProjectStore(database).update("flights", timezone=zone)
        projects = ProjectStore(database).page()
        return pull_aws(
            database, settings_of(home=tmp_path, **settings), projects, days_of(first, last), overwrite=overwrite
        )

    return pull


def kept(database: Database, project_id: str = "flights") -> list[CostDay]:
    return CostStore(database).days(project_id, "0001-01-01", "9999-12-31", "aws")


def seeded_page(*, estimated: bool = False) -> Any:
    return page(
        period("2026-01-30", line("Amazon S3", "flights", "0.0000012345"), line("Amazon EC2", "flights", "12.34")),
        period("2026-01-31", line("Amazon EC2", "flights", "99.99", amortised="50.01"), line("Tax", "", "7")),
        period("2026-02-01", line("Amazon EC2", "other", "1000"), estimated=estimated),
        period(
            "2026-02-02", line("Amazon EC2", "flights", "3"), line("中国", "flights", "5", "CNY"), estimated=estimated
        ),
    )


def test_seeded_results_come_out_to_the_cent_by_day_and_service(database: Database, aws: SeededAws, pull: Pull) -> None:
    aws.seed(seeded_page(estimated=True))
    assert pull().requests == 1
    days = kept(database)
    assert [(d.day, d.state, d.basis, d.estimated) for d in days] == [
        ("2026-01-30", "ok", "utc_day", False),
        ("2026-01-31", "ok", "utc_day", False),
        ("2026-02-01", "ok", "utc_day", True),
        ("2026-02-02", "ok", "utc_day", True),
    ]
    services = [{(line.service, line.currency): line.unblended for line in day.lines} for day in days]
    assert services == [
        {("Amazon S3", "USD"): Decimal("0.0000012345"), ("Amazon EC2", "USD"): Decimal("12.34")},
        {("Amazon EC2", "USD"): Decimal("99.99")},
        {},
        {("Amazon EC2", "USD"): Decimal(3), ("中国", "CNY"): Decimal(5)},
    ]
    assert days[1].totals("amortised") == {"USD": Decimal("50.01")}


def test_each_project_has_what_is_tagged_with_it_and_one_request_serves_all(
    database: Database, aws: SeededAws, pull: Pull
) -> None:
    projects = ProjectStore(database)
    for name in ("other", "renamed", "everything"):
        projects.create(name, name)
    allocation = {"renamed": {"value": "flights"}, "everything": {"whole_account": True}}
    aws.seed(seeded_page())
    assert pull(aws_cost_allocation=allocation).requests == 1
    sums = {
        name: sum(day.totals().get("USD", Decimal(0)) for day in kept(database, name))
        for name in ("flights", "other", "renamed", "everything")
    }
    tagged = Decimal("115.3300012345")
    assert sums == {"flights": tagged, "other": 1000, "renamed": tagged, "everything": tagged + 1007}


def test_another_tag_is_asked_for_by_its_name(odd_aws: OddAws, pull: Pull) -> None:
    odd_aws.queue.append(seeded_page())
    pull(aws_cost_tag="team")
    (asked,) = odd_aws.asked
    assert asked["GroupBy"] == [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": "team"}]
    assert asked["TimePeriod"] == {"Start": "2026-01-30", "End": "2026-02-03"}
    assert (asked["Granularity"], asked["Metrics"]) == ("DAILY", ["UnblendedCost", "AmortizedCost"])


def test_pages_are_put_together(database: Database, odd_aws: OddAws, pull: Pull) -> None:
    odd_aws.queue.append(page(period("2026-02-02", line("S3", "flights", "0.1")), following="p2"))
    odd_aws.queue.append(page(period("2026-02-02", line("S3", "flights", "0.2"), line("EC2", "flights", "1"))))
    assert pull(LAST, LAST).requests == 2
    assert [asked.get("NextPageToken") for asked in odd_aws.asked] == [None, "p2"]
    (day,) = kept(database)
    assert {line.service: line.unblended for line in day.lines} == {"S3": Decimal("0.3"), "EC2": Decimal(1)}


@pytest.mark.parametrize(
    "second",
    [
        Refusal(400, "AccessDeniedException"),
        Refusal(200, body=b'{"ResultsByTime": [{"TimePeriod"'),
        page({"TimePeriod": {"Start": "2026-02-02"}, "Groups": [{"Keys": ["S3"]}]}),
        page(period("2026-02-02", line("S3", "flights", "NaN"))),
        page(period("2026-02-02"), following="p2"),
    ],
)
def test_half_an_answer_changes_nothing(database: Database, odd_aws: OddAws, pull: Pull, second: Any) -> None:
    odd_aws.queue.append(page(period("2026-02-02", line("S3", "flights", "5"), estimated=True)))
    pull(LAST, LAST)
    (before,) = kept(database)
    odd_aws.queue.append(page(period("2026-02-02", line("S3", "flights", "6")), following="p2"))
    odd_aws.queue.append(second)
    outcome = pull(LAST, LAST)
    assert outcome.read == []
    assert list(outcome.failed) == [("flights", "2026-02-02")]
    (after,) = kept(database)
    assert (after.lines, after.pulled_us, after.state) == (before.lines, before.pulled_us, "ok")
    assert after.reason == outcome.failed["flights", "2026-02-02"]


def test_throttling_is_waited_out(database: Database, odd_aws: OddAws, pull: Pull) -> None:
    odd_aws.queue.extend([Refusal(400, "ThrottlingException")] * 2)
    odd_aws.queue.append(page(period("2026-02-02", line("S3", "flights", "5"))))
    outcome = pull(LAST, LAST)
    assert (outcome.requests, len(odd_aws.asked)) == (3, 3)
    assert [day.totals() for day in kept(database)] == [{"USD": Decimal(5)}]


def test_throttling_without_end_is_given_up(
    database: Database, odd_aws: OddAws, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    odd_aws.queue.extend([Refusal(400, "ThrottlingException")] * 9)
    assert pull(LAST, LAST).requests == 5
    (day,) = kept(database)
    assert (day.state, day.reason) == ("unavailable", "AWS has throttled 5 attempts (ThrottlingException)")


def test_without_credentials_days_are_unavailable_and_nothing_raises(
    database: Database, pull: Pull, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = pull()
    assert outcome.requests == 0
    assert set(outcome.failed.values()) == {"there are no AWS credentials"}
    assert {(d.state, d.reason, d.pulled_us) for d in kept(database)} == {
        ("unavailable", "there are no AWS credentials", None)
    }
    assert "there are no AWS credentials" in caplog.text


def test_a_profile_that_is_not_there_is_no_credentials(
    database: Database, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    pull(LAST, LAST)
    assert [day.reason for day in kept(database)] == ["there are no AWS credentials"]


@pytest.mark.parametrize("profile", [None, "billing"])
def test_the_credentials_of_the_home_folder_sign_the_request(
    odd_aws: OddAws, pull: Pull, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: str | None
) -> None:
    variables = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
    for name in variables:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    if profile is not None:
        monkeypatch.setenv("AWS_PROFILE", profile)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key = one\n"
        "[billing]\naws_access_key_id = AKBILLING\naws_secret_access_key = two\n"
    )
    odd_aws.queue.append(seeded_page())
    assert pull().failed == {}
    assert [credential.split("/")[0] for credential in odd_aws.signed] == [f"AK{(profile or 'default').upper()}"]


def test_the_region_is_that_of_the_variable_and_north_virginia_without_it(
    odd_aws: OddAws, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    odd_aws.queue.extend([seeded_page(), seeded_page()])
    pull()
    monkeypatch.setenv("AWS_CE_REGION", "cn-northwest-1")
    pull(overwrite=True)
    assert [region.split("/")[2] for region in odd_aws.signed] == ["us-east-1", "cn-northwest-1"]


def test_a_server_that_is_not_there_is_unavailable(
    database: Database, odd_aws: OddAws, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    pull(LAST, LAST)
    assert [day.reason for day in kept(database)] == ["AWS cannot be reached"]


def test_final_days_are_kept_estimated_and_missed_ones_are_read_again(
    database: Database, odd_aws: OddAws, pull: Pull
) -> None:
    odd_aws.queue.append(seeded_page(estimated=True))
    pull()
    odd_aws.queue.append(page(period("2026-02-01"), period("2026-02-02", line("Amazon EC2", "flights", "4"))))
    outcome = pull()
    assert outcome.kept == [("flights", "2026-01-30"), ("flights", "2026-01-31")]
    assert odd_aws.asked[1]["TimePeriod"] == {"Start": "2026-02-01", "End": "2026-02-03"}
    assert [(day.totals().get("USD"), day.estimated) for day in kept(database)][2:] == [
        (None, False),
        (Decimal(4), False),
    ]
    assert pull().requests == 0
    assert len(odd_aws.asked) == 2


def test_overwriting_reads_final_days_again(database: Database, odd_aws: OddAws, pull: Pull) -> None:
    odd_aws.queue.append(seeded_page())
    pull()
    odd_aws.queue.append(page(period("2026-01-30", line("Amazon S3", "flights", "1"))))
    outcome = pull(FIRST, FIRST, overwrite=True)
    assert [day.totals() for day in outcome.read] == [{"USD": Decimal(1)}]
    assert [len(day.lines) for day in kept(database)] == [1, 1, 0, 2]


def test_a_day_that_aws_is_silent_about_is_unavailable(database: Database, odd_aws: OddAws, pull: Pull) -> None:
    odd_aws.queue.append(page(period("2026-02-01", line("S3", "flights", "1"))))
    pull(date(2026, 2, 1), LAST)
    assert [(d.state, d.reason) for d in kept(database)] == [
        ("ok", None), ("unavailable", "AWS says nothing of this day"),
    ]  # fmt: skip


def test_the_requests_of_a_day_are_bounded(database: Database, odd_aws: OddAws, pull: Pull) -> None:
    odd_aws.queue.append(page(period("2026-02-02", line("S3", "flights", "1")), following="p2"))
    outcome = pull(LAST, LAST, aws_cost_requests=1)
    assert len(odd_aws.asked) == 1
    assert kept(database)[0].state == "unavailable"
    assert "1 requests of today are used up" in outcome.failed["flights", "2026-02-02"]
    pull(LAST, LAST, aws_cost_requests=1)
    assert len(odd_aws.asked) == 1
    assert [RequestBudget(database, 2).take() for _ in range(2)] == [True, False]


def test_a_long_range_is_asked_in_quarters_so_that_one_failure_leaves_the_others(
    database: Database, odd_aws: OddAws, pull: Pull
) -> None:
    odd_aws.queue.append(Refusal(400, "ValidationException"))
    odd_aws.queue.append(page(period("2026-02-02", line("S3", "flights", "1"))))
    pull(date(2025, 10, 15), LAST)
    assert [asked["TimePeriod"] for asked in odd_aws.asked] == [
        {"Start": "2025-10-15", "End": "2026-01-15"},
        {"Start": "2026-01-15", "End": "2026-02-03"},
    ]
    days = kept(database)
    assert (days[0].reason, days[-1].state) == ("AWS answers ValidationException", "ok")


def hours(start: datetime, number: int, label: str = "flights", *, estimated: bool = False) -> list[Any]:
    """An hour costs a dollar and its number in cents."""
    begin = [start + timedelta(hours=n) for n in range(number)]
    return [
        period(f"{h:%Y-%m-%dT%H:%M:%SZ}", line("EC2", label, f"1.{n:02}"), estimated=estimated)
        for n, h in enumerate(begin)
    ]


@pytest.mark.parametrize(
    ("day", "zone", "start", "number"),
    [
        (date(2026, 3, 8), "America/New_York", datetime(2026, 3, 8, 5, tzinfo=UTC), 23),
        (date(2026, 11, 1), "America/New_York", datetime(2026, 11, 1, 4, tzinfo=UTC), 25),
        (date(2026, 11, 1), "Asia/Kolkata", datetime(2026, 10, 31, 19, tzinfo=UTC), 24),
        (date(2026, 11, 1), "Asia/Kathmandu", datetime(2026, 10, 31, 19, tzinfo=UTC), 24),
        (date(2026, 4, 5), "Australia/Lord_Howe", datetime(2026, 4, 4, 13, tzinfo=UTC), 25),
    ],
)
def test_hours_are_summed_into_the_projects_own_day(
    odd_aws: OddAws, pull: Pull, monkeypatch: pytest.MonkeyPatch, day: date, zone: str, start: datetime, number: int
) -> None:
    at((day + timedelta(days=4)).isoformat(), monkeypatch)
    # AWS answers with more than was asked for: the hours beside the day are not the day's.
    odd_aws.queue.append(page(*hours(start - timedelta(hours=1), number + 2)))
    (found,) = pull(day, day, aws_cost_hourly=True, zone=zone).read
    (asked,) = odd_aws.asked
    end = start + timedelta(hours=number)
    assert asked["TimePeriod"] == {"Start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "End": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    assert asked["Granularity"] == "HOURLY"
    assert (found.state, found.basis, found.estimated) == ("ok", "local_day", False)
    assert found.totals() == {"USD": number + Decimal(sum(range(1, number + 1))) / 100}


def at(now: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be noon of this day in UTC, for what decides whether hours are there and a day is over."""
    instant = datetime.fromisoformat(f"{now}T12:00:00+00:00")

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Then":
            return cls.fromtimestamp(instant.timestamp(), tz)

    monkeypatch.setattr("guard_store.costs.pull.datetime", Then)
    monkeypatch.setattr("guard_store.costs.pull.now_us", lambda: int(instant.timestamp() * 1_000_000))


def test_missing_hours_are_said_and_read_again(
    database: Database, odd_aws: OddAws, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    at("2026-03-12", monkeypatch)
    day, start = date(2026, 3, 10), datetime(2026, 3, 10, 4, tzinfo=UTC)
    odd_aws.queue.append(page(*hours(start, 20)))
    pull(day, day, aws_cost_hourly=True)
    (partial,) = kept(database)
    assert (partial.state, partial.reason, partial.is_final) == ("partial", "20 of 24 hours", False)
    odd_aws.queue.append(page(*hours(start, 24)))
    pull(day, day, aws_cost_hourly=True)
    assert [(d.state, d.reason) for d in kept(database)] == [("ok", None)]


def test_a_day_that_is_not_over_is_estimated_whatever_aws_says(
    database: Database, odd_aws: OddAws, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    at("2026-03-12", monkeypatch)
    odd_aws.queue.append(page(period("2026-03-12", line("EC2", "flights", "1"))))
    pull(date(2026, 3, 12), date(2026, 3, 12))
    odd_aws.queue.append(page(*hours(datetime(2026, 3, 12, 4, tzinfo=UTC), 9)))
    pull(date(2026, 3, 12), date(2026, 3, 12), aws_cost_hourly=True)
    (day,) = kept(database)
    assert (day.estimated, day.state, day.reason) == (True, "partial", "9 of 24 hours")
    assert odd_aws.asked[1]["TimePeriod"]["End"] == "2026-03-12T12:00:00Z"


def test_a_day_made_of_hours_is_not_given_up_for_a_day_in_utc(
    database: Database, odd_aws: OddAws, pull: Pull, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = date(2026, 3, 10)
    at("2026-03-12", monkeypatch)
    odd_aws.queue.append(page(*hours(datetime(2026, 3, 10, 4, tzinfo=UTC), 24, estimated=True)))
    pull(day, day, aws_cost_hourly=True)
    at("2026-03-30", monkeypatch)
    assert pull(day, day, aws_cost_hourly=True).kept == [("flights", "2026-03-10")]
    odd_aws.queue.append(page(period("2026-03-10", line("EC2", "flights", "1"))))
    pull(day, day, aws_cost_hourly=True, overwrite=True)
    assert [(d.basis, d.totals()) for d in kept(database)] == [("utc_day", {"USD": Decimal(1)})]
