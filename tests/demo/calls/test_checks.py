"""What calls of language models left behind is compared with what was sent, and each difference is a complaint."""

from typing import Any

import httpx
import pytest

from demo.calls.checks import (
    SAMPLE_DAYS,
    check_answers,
    check_fallback,
    check_findings,
    check_rows,
    check_sample,
    check_usage,
)
from demo.calls.language_model import BUSY, SMALL
from demo.calls.sending import CARD, Calls, User

REDACTED = ["[CREDIT_CARD_1]"] * 8


@pytest.fixture
def ada() -> User:
    return User("ada", "k1", httpx.Client(), statuses=[200, 200, 429])


def test_each_call_is_a_row_of_the_ledger_with_its_status(ada: User) -> None:
    rows = [{"status": 200}, {"status": 429}, {"status": 200}]
    assert check_rows(ada, rows) == []
    assert check_rows(ada, rows[1:]) == ["calls of ada: {200: 2, 429: 1} by status, {429: 1, 200: 1} in the ledger"]


def test_usage_counts_the_answered_calls_at_a_known_price(ada: User) -> None:
    usage = {"end_user": "ada", "requests": 2, "unpriced": 0, "cost_usd": 0.01}
    assert check_usage(ada, [usage]) == []
    assert check_usage(ada, [])
    for wrong in ({"requests": 3}, {"unpriced": 1}, {"cost_usd": 0.0}, {"end_user": ""}):
        assert check_usage(ada, [usage | wrong])


def test_findings_that_are_missing_and_a_card_that_went_out_are_complaints() -> None:
    rows = [{"flags": ["request.pii.credit_card"]}] * 8 + [{"flags": ["request.injection"]}] * 3
    assert check_findings(rows, REDACTED) == []
    assert check_findings(rows[:-1], REDACTED) == ["findings of request.injection: 2 instead of 3"]
    assert check_findings(rows, [CARD, *REDACTED[1:]]) == ["1 cards went out unredacted"]


def test_a_call_that_no_address_answered_is_a_complaint() -> None:
    assert check_fallback([{"model": BUSY, "status": 200}]) == []
    assert check_fallback([{"model": BUSY, "status": 502}])


def test_an_allowed_cancellation_and_an_answer_without_citation_are_complaints(ada: User) -> None:
    answer = {"model": SMALL, "answer": "Yes.", "citations": [{}]}
    decisions = {"mcp/tower/read_board": "allow", "mcp/tower/cancel_flight": "deny"}
    assert check_answers(Calls([ada], decisions, answer, {"findings": [{}]})) == []
    allowed = {"mcp/tower/cancel_flight": "allow"}
    assert len(check_answers(Calls([ada], allowed, {**answer, "citations": []}, {"findings": []}))) == 3


def test_a_day_without_costs_or_with_an_unmarked_one_is_a_complaint() -> None:
    def day(service: str) -> dict[str, Any]:
        return {"sources": [{"source": "aws", "estimated": True, "services": [{"service": service}]}]}

    days = [day("Sample: Amazon S3")] * SAMPLE_DAYS
    assert check_sample(days) == []
    assert check_sample(days[1:])
    assert check_sample([*days[1:], day("Amazon S3")])
