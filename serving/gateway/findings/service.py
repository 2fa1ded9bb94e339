"""Requests with findings of the content policies, counted on the ledger by local day, rule and model."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import TypeVar

from guard_core.days import LocalDays, local_days, now_us
from guard_core.units import DAY_US
from guard_store.db.database import Database
from guard_store.ledger.store import LedgerStore
from guard_store.projects.store import project_zones
from serving.gateway.findings.schemas import FindingsView, ModelFindings, RuleFindings
from serving.gateway.usage.days import days_between
from serving.gateway.usage.schemas import DaysQuery

Name = TypeVar("Name", str, str | None)


class FindingsService:
    """Reads findings.

    Parameters
    ----------
    timezone : of requests without a project.
    """

    def __init__(self, database: Database, ledger: LedgerStore, *, timezone: str) -> None:
        self._database = database
        self._ledger = ledger
        self._timezone = timezone

    def read(self, query: DaysQuery, project_id: str | None) -> FindingsView:
        """Return the requests with findings of a project, or of all.

        Raises
        ------
        Unprocessable
            If the range of days is empty or too long.
        """
        zones = {} if project_id is None else project_zones(self._database, [project_id])
        today = local_days(zones.get(project_id or "", self._timezone)).of(now_us())
        days = days_between(query, today)
        # Local days of all zones begin and end within a day of those of the server.
        bounds = local_days(self._timezone)
        since_us = bounds.bounds_us(date.fromisoformat(days[0]))[0] - DAY_US
        until_us = bounds.bounds_us(date.fromisoformat(days[-1]))[1] + DAY_US
        counts = self._ledger.count_flags_by_time(since_us, until_us, project_id)
        zones = project_zones(self._database, {count.project_id for count in counts if count.project_id is not None})

        @cache
        def days_of(project_id: str | None) -> LocalDays:
            return local_days(zones.get(project_id or "", self._timezone))

        total = Counter[str]()
        by_rule: dict[str, Counter[str]] = defaultdict(Counter)
        by_model: dict[str | None, Counter[str]] = defaultdict(Counter)
        for count in counts:
            day = days_of(count.project_id).of(count.since_us).isoformat()
            if not days[0] <= day <= days[-1]:
                continue
            total[day] += count.requests
            by_model[count.model][day] += count.requests
            for flag in count.flags:
                by_rule[flag][day] += count.requests
        return FindingsView(
            project_id=project_id,
            days=days,
            requests=_aligned(total, days),
            rules=[_rule(flag, _aligned(by_rule[flag], days)) for flag in _most_first(by_rule)],
            models=[
                ModelFindings(model=model, requests=_aligned(by_model[model], days)) for model in _most_first(by_model)
            ],
        )


def _aligned(counts: Counter[str], days: Sequence[str]) -> list[int]:
    return [counts[day] for day in days]


def _rule(flag: str, requests: list[int]) -> RuleFindings:
    side, _, rule = flag.partition(".")
    return RuleFindings.model_validate({"side": side, "rule": rule, "requests": requests})


def _most_first(counts: dict[Name, Counter[str]]) -> list[Name]:
    return sorted(counts, key=lambda name: (-counts[name].total(), name or ""))
