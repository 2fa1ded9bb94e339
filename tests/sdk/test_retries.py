"""When the client tries again, and that nothing is stored twice when it does."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from ml_guard import ApiError, ConnectionFailedError, MLGuardClient, MLGuardError

from tests.sdk.api_double import DROP, ROW, ApiDouble, Misbehaviour


def test_a_busy_server_is_asked_again_but_not_before_it_said(api: ApiDouble, client: MLGuardClient) -> None:
    api.misbehaviours.append(Misbehaviour(503, {"Retry-After": "1"}))
    started = time.monotonic()
    assert client.ingest_event(**ROW).status == "accepted"
    assert time.monotonic() - started >= 1.0
    assert len(api.seen) == 2


def test_retry_after_may_be_a_date(api: ApiDouble, client: MLGuardClient) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=2)  # whole seconds on the wire: at least one is left
    api.misbehaviours.append(Misbehaviour(429, {"Retry-After": format_datetime(moment, usegmt=True)}))
    client.ingest_event(**ROW)
    assert datetime.now(UTC) >= moment.replace(microsecond=0)


def test_a_far_retry_after_is_an_error_at_once(api: ApiDouble, client: MLGuardClient) -> None:
    api.misbehaviours.append(Misbehaviour(503, {"Retry-After": "3600"}))
    with pytest.raises(ApiError) as caught:
        client.ingest_event(**ROW)
    assert caught.value.status == 503
    assert len(api.seen) == 1


def test_an_answer_lost_after_the_commit_stores_nothing_twice(api: ApiDouble, client: MLGuardClient) -> None:
    api.misbehaviours.append(Misbehaviour(DROP, store_first=True))
    result = client.ingest_event(**ROW)
    assert result.status == "duplicate"
    assert list(api.stored) == [result.event_id]
    assert api.seen[0].headers["X-Request-ID"] == api.seen[1].headers["X-Request-ID"]


def test_a_batch_whose_answers_are_lost_is_counted_exactly(api: ApiDouble, client: MLGuardClient) -> None:
    api.misbehaviours += [Misbehaviour(DROP, store_first=True), Misbehaviour(DROP), Misbehaviour(502, store_first=True)]
    result = client.ingest_events([ROW] * 100)
    assert (result.accepted, result.duplicates, result.rejected) == (0, 100, 0)
    assert len(api.stored) == 100


def test_connections_that_never_answer_are_an_error_that_says_how_often(api: ApiDouble) -> None:
    api.misbehaviours += [Misbehaviour(DROP)] * 3
    with (
        MLGuardClient(api.url, "k", retries=2) as client,
        pytest.raises(ConnectionFailedError, match=r"POST /api/v1/events: .*, attempt 3 "),
    ):
        client.ingest_event(**ROW)
    assert len(api.seen) == 3


def test_a_server_that_is_not_there_is_a_typed_error() -> None:
    with (
        MLGuardClient("http://127.0.0.1:1", "k", retries=1) as client,
        pytest.raises(MLGuardError, match="ConnectError"),
    ):
        client.health()


def test_a_baseline_is_not_captured_twice_when_the_answer_is_lost(api: ApiDouble, client: MLGuardClient) -> None:
    api.misbehaviours.append(Misbehaviour(DROP, store_first=True))
    with pytest.raises(ConnectionFailedError):
        client.capture_baseline("p", "m", "2013-01-01", "2013-01-31")
    assert len(api.seen) == 1


def test_a_baseline_is_asked_for_again_where_the_server_did_nothing(api: ApiDouble, client: MLGuardClient) -> None:
    api.misbehaviours.append(Misbehaviour(503))
    assert client.capture_baseline("p", "m", "2013-01-01", "2013-01-31")["start"] == "2013-01-01"


def test_a_refusal_is_not_repeated(api: ApiDouble, client: MLGuardClient) -> None:
    api.misbehaviours.append(Misbehaviour(422))
    with pytest.raises(ApiError):
        client.ingest_event(**ROW)
    assert len(api.seen) == 1
