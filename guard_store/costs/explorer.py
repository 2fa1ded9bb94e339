"""AWS Cost Explorer through boto3: what a span of time has cost, by service and tag, whole or not at all.

Whose costs they are, and what is kept of them, is said in `pull.py`.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from guard_store.costs.requests import RequestBudget
from guard_store.costs.rows import CostLine

Granularity = Literal["DAILY", "HOURLY"]
DEFAULT_REGION = "us-east-1"
_ATTEMPTS = 5
_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 30
_THROTTLED = frozenset({"ThrottlingException", "Throttling", "LimitExceededException", "TooManyRequestsException"})
_log = logging.getLogger(__name__)


class CostExplorerError(Exception):
    """AWS has not said what was asked; the message says why, without anything secret."""


@dataclass(slots=True)
class Period:
    """An hour or a UTC day, as AWS knows it."""

    estimated: bool
    lines: dict[tuple[str, str, str], CostLine]

    def add(self, line: CostLine) -> None:
        """Add a line; pages may tell one service in parts."""
        key = (line.service, line.label, line.currency)
        before = self.lines.get(key)
        if before is not None:
            line = CostLine(*key, before.unblended + line.unblended, before.amortised + line.amortised)
        self.lines[key] = line


class CostExplorer:
    """Asks Cost Explorer, within the requests of the day; nothing is opened before it is asked."""

    def __init__(self, budget: RequestBudget) -> None:
        self._budget = budget
        self._client: Any = None
        self.requests = 0

    def read(self, start: datetime, end: datetime, granularity: Granularity, tag: str) -> dict[datetime, Period]:
        """Each period from `start` to before `end`, by the instant at which it begins.

        Raises
        ------
        CostExplorerError
            If AWS did not say all of it: no credentials, no permission, throttled for too long, no request left today.
        """
        periods: dict[datetime, Period] = defaultdict(lambda: Period(estimated=False, lines={}))
        for page in self._pages(start, end, granularity, tag):
            try:
                _add_page(periods, page, tag)
            except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
                _log.warning("AWS Cost Explorer's answer is not understood: %r", error)
                raise CostExplorerError("the answer of AWS is not understood") from None
        return dict(periods)

    def _pages(self, start: datetime, end: datetime, granularity: Granularity, tag: str) -> Iterator[Mapping[str, Any]]:
        layout = "%Y-%m-%d" if granularity == "DAILY" else "%Y-%m-%dT%H:%M:%SZ"
        asked: dict[str, Any] = {
            "TimePeriod": {"Start": start.strftime(layout), "End": end.strftime(layout)},
            "Granularity": granularity,
            "Metrics": ["UnblendedCost", "AmortizedCost"],
            "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": tag}],
        }
        while True:
            page = self._ask(asked)
            yield page
            token = page.get("NextPageToken")
            if not token:
                return
            if token == asked.get("NextPageToken"):
                raise CostExplorerError("AWS repeats a page for ever")
            asked["NextPageToken"] = token

    def _ask(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        client = self._opened()
        if not self._budget.take():
            most = self._budget.most
            raise CostExplorerError(f"the {most} requests of today are used up; ML_GUARD_AWS_COST_REQUESTS allows more")
        self.requests += 1
        try:
            page: Mapping[str, Any] = client.get_cost_and_usage(**asked)
        except ClientError as error:
            self._note(error.response)
            _log.warning("AWS Cost Explorer: %s", error)
            raise CostExplorerError(_refusal(error.response)) from None
        except BotoCoreError as error:
            _log.warning("AWS Cost Explorer: %s", error)
            raise CostExplorerError(_failure(error)) from None
        self._note(page)
        return page

    def _opened(self) -> Any:
        from botocore.exceptions import BotoCoreError

        try:
            if self._client is None:
                self._client = _client()
        except BotoCoreError as error:
            _log.warning("AWS Cost Explorer: %s", error)
            raise CostExplorerError(_failure(error)) from None
        return self._client

    def _note(self, response: Mapping[str, Any]) -> None:
        again = int(response.get("ResponseMetadata", {}).get("RetryAttempts", 0))
        self.requests += again
        self._budget.note(again)


def _client() -> Any:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import NoCredentialsError

    session = boto3.session.Session()
    if session.get_credentials() is None:
        raise NoCredentialsError

    config = Config(
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
    )
    region = os.environ.get("AWS_CE_REGION") or DEFAULT_REGION
    return session.client("ce", region_name=region, config=config)


def _add_page(periods: dict[datetime, Period], page: Mapping[str, Any], tag: str) -> None:
    for result in page["ResultsByTime"]:
        start = datetime.fromisoformat(result["TimePeriod"]["Start"])
        period = periods[start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)]
        period.estimated |= bool(result.get("Estimated", False))
        for group in result.get("Groups", ()):
            service, tagged = group["Keys"]
            unblended, currency = _money(group["Metrics"]["UnblendedCost"])
            amortised, other = _money(group["Metrics"]["AmortizedCost"])
            if other != currency:
                raise ValueError("one line in two currencies")
            period.add(CostLine(service, tagged.removeprefix(f"{tag}$"), currency, unblended, amortised))


def _money(metric: Mapping[str, str]) -> tuple[Decimal, str]:
    amount = Decimal(metric["Amount"])
    if not amount.is_finite():
        raise ValueError("an amount that is no number")
    return amount, metric["Unit"]


def _refusal(response: Mapping[str, Any]) -> str:
    code = str(response.get("Error", {}).get("Code", "an error"))
    if code in _THROTTLED:
        return f"AWS has throttled {_ATTEMPTS} attempts ({code})"
    if code in {"AccessDeniedException", "AccessDenied"}:
        return "AWS does not allow this: the credentials need ce:GetCostAndUsage, hourly data must be switched on there"
    return f"AWS answers {code}"


def _failure(error: Exception) -> str:
    from botocore.exceptions import ConnectionError as NotConnectedError
    from botocore.exceptions import (
        CredentialRetrievalError,
        HTTPClientError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
    )

    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError | ProfileNotFound):
        return "there are no AWS credentials"
    if isinstance(error, NotConnectedError | HTTPClientError):
        return "AWS cannot be reached"
    return f"AWS cannot be asked ({type(error).__name__})"
