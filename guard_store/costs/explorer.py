"""AWS Cost Explorer through boto3: costs of a span of time by service and tag, complete or an error.

Allocating costs to projects and storing them is `pull`.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from guard_store.costs.request_limit import RequestBudget
from guard_store.costs.rows import CostLine

Granularity = Literal["DAILY", "HOURLY"]
DEFAULT_REGION = "us-east-1"
_ATTEMPTS = 5
_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 30
_THROTTLED = frozenset({"ThrottlingException", "Throttling", "LimitExceededException", "TooManyRequestsException"})
_log = logging.getLogger(__name__)


class CostExplorerError(Exception):
    """Cost Explorer did not return the costs; the message has the reason, and no secrets."""


@dataclass(slots=True)
class Period:
    """Costs of an hour or a UTC day, as AWS reports them."""

    estimated: bool
    lines: dict[tuple[str, str, str], CostLine]

    def add(self, line: CostLine) -> None:
        """Add a line; pages may report one service in parts."""
        key = (line.service, line.label, line.currency)
        before = self.lines.get(key)
        if before is not None:
            line = CostLine(*key, before.unblended + line.unblended, before.amortised + line.amortised)
        self.lines[key] = line


class CostExplorer:
    """Reads from Cost Explorer, within the daily limit of requests; connects at the first request."""

    def __init__(self, budget: RequestBudget) -> None:
        self._budget = budget
        self._client: Any = None
        self.requests = 0

    def close(self) -> None:
        """Close its connections to AWS."""
        if self._client is not None:
            self._client.close()

    def read(self, start: datetime, end: datetime, granularity: Granularity, tag: str) -> dict[datetime, Period]:
        """Return the periods from `start` to before `end`, by their first instant.

        Raises
        ------
        CostExplorerError
            If AWS did not return all of it: no credentials, no permission, throttled for too long, no request left today.
        """
        periods: dict[datetime, Period] = defaultdict(lambda: Period(estimated=False, lines={}))
        for page in self._pages(start, end, granularity, tag):
            try:
                _add_page(periods, page, tag)
            except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
                _log.warning("unexpected answer of AWS Cost Explorer: %r", error)
                raise CostExplorerError("the answer of AWS is not understood") from None
        return dict(periods)

    def _pages(self, start: datetime, end: datetime, granularity: Granularity, tag: str) -> Iterator[Mapping[str, Any]]:
        layout = "%Y-%m-%d" if granularity == "DAILY" else "%Y-%m-%dT%H:%M:%SZ"
        query: dict[str, Any] = {
            "TimePeriod": {"Start": start.strftime(layout), "End": end.strftime(layout)},
            "Granularity": granularity,
            "Metrics": ["UnblendedCost", "AmortizedCost"],
            "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": tag}],
        }
        while True:
            page = self._request(query)
            yield page
            token = page.get("NextPageToken")
            if not token:
                return
            if token == query.get("NextPageToken"):
                raise CostExplorerError("AWS repeats a page for ever")
            query["NextPageToken"] = token

    def _request(self, query: Mapping[str, Any]) -> Mapping[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        client = self._connect()
        if not self._budget.take():
            limit = self._budget.limit
            raise CostExplorerError(
                f"the {limit} requests of today are used up; ML_GUARD_AWS_COST_REQUESTS allows more"
            )
        self.requests += 1
        try:
            page: Mapping[str, Any] = client.get_cost_and_usage(**query)
        except ClientError as error:
            self._count_retries(error.response)
            _log.warning("AWS Cost Explorer: %s", error)
            raise CostExplorerError(_refusal(error.response)) from None
        except BotoCoreError as error:
            _log.warning("AWS Cost Explorer: %s", error)
            raise CostExplorerError(_failure(error)) from None
        self._count_retries(page)
        return page

    def _connect(self) -> Any:
        from botocore.exceptions import BotoCoreError

        try:
            if self._client is None:
                self._client = _client()
        except BotoCoreError as error:
            _log.warning("AWS Cost Explorer: %s", error)
            raise CostExplorerError(_failure(error)) from None
        return self._client

    def _count_retries(self, response: Mapping[str, Any]) -> None:
        retries = int(response.get("ResponseMetadata", {}).get("RetryAttempts", 0))
        self.requests += retries
        self._budget.count_retries(retries)


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
            service, tag_value = group["Keys"]
            unblended, currency = _money(group["Metrics"]["UnblendedCost"])
            amortised, currency_of_amortised = _money(group["Metrics"]["AmortizedCost"])
            if currency_of_amortised != currency:
                raise ValueError("one line in two currencies")
            period.add(CostLine(service, tag_value.removeprefix(f"{tag}$"), currency, unblended, amortised))


def _money(metric: Mapping[str, str]) -> tuple[Decimal, str]:
    amount = Decimal(metric["Amount"])
    if not amount.is_finite():
        raise ValueError("an amount is not a number")
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
    return f"AWS cannot be query ({type(error).__name__})"
