"""A stand-in for AWS Cost Explorer: invented costs of each day, which their service names mark as a sample.

All amounts are estimated, so that any later pull from AWS replaces them.
"""

from datetime import date, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MARK: Final = "Sample: "
"""Begins the name of every service."""

_DAILY_USD = {"Amazon EC2": 3.84, "Amazon S3": 0.62, "Amazon RDS": 1.97, "Amazon CloudWatch": 0.28}
_WEEKEND_SHARE = 0.6
_SATURDAY = 5


def routes(project_id: str) -> list[Route]:
    """Return the route of the query `GetCostAndUsage`, whose costs all belong to one project."""

    async def answer(request: Request) -> Response:
        query = await request.json()
        first, end = (date.fromisoformat(query["TimePeriod"][name]) for name in ("Start", "End"))
        tag = next(group["Key"] for group in query["GroupBy"] if group["Type"] == "TAG")
        days = [first + timedelta(offset) for offset in range((end - first).days)]
        results = [_result(day, f"{tag}${project_id}") for day in days]
        return JSONResponse({"ResultsByTime": results}, media_type="application/x-amz-json-1.1")

    return [Route("/", answer, methods=["POST"])]


def _result(day: date, tag: str) -> dict[str, Any]:
    share = (_WEEKEND_SHARE if day.weekday() >= _SATURDAY else 1.0) * (1 + 0.01 * (day.toordinal() % 7))
    return {
        "TimePeriod": {"Start": day.isoformat(), "End": (day + timedelta(1)).isoformat()},
        "Estimated": True,
        "Groups": [
            {"Keys": [MARK + service, tag], "Metrics": _metrics(usd * share)} for service, usd in _DAILY_USD.items()
        ],
    }


def _metrics(usd: float) -> dict[str, dict[str, str]]:
    amount = {"Amount": f"{usd:.4f}", "Unit": "USD"}
    return {"UnblendedCost": amount, "AmortizedCost": amount}
