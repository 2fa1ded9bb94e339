"""The background client: what it sends and when, what it drops and counts, forks, and the end of the process."""

import logging
import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pyarrow as pa
import pytest
from ml_guard import BackgroundClient, Event, QueueFullError
from sklearn.linear_model import LogisticRegression

from tests.sdk.api_double import ROW, UNREACHABLE, ApiDouble, Misbehaviour, wait_for


def test_rows_are_sent_after_the_interval_without_a_flush(api: ApiDouble) -> None:
    with BackgroundClient(api.url, interval_s=0.05) as client:
        event_ids = [client.ingest(**ROW), client.ingest(ROW), client.ingest(Event(**ROW))]
        wait_for(lambda: len(api.stored) == 3)
        assert list(api.stored) == event_ids
        assert client.flush(10)
        assert (client.stats.queued, client.stats.sent, client.stats.dropped) == (0, 3, {})


def test_a_whole_batch_is_sent_at_once(api: ApiDouble) -> None:
    with BackgroundClient(api.url, batch_rows=10, interval_s=60) as client:
        for _ in range(20):
            client.ingest(**ROW)
        wait_for(lambda: len(api.stored) == 20)
    assert [len(seen.rows) for seen in api.seen] == [10, 10]


def test_ingest_keeps_the_features_and_the_instant_of_the_call(api: ApiDouble) -> None:
    features = {"n": 1}
    with BackgroundClient(api.url) as client:
        event_id = client.ingest(**{**ROW, "features": features})
        features["n"] = 2
        client.flush(10)
    assert event_id is not None
    assert api.stored[event_id]["features"] == {"n": 1}
    assert api.stored[event_id]["timestamp"].endswith("+00:00")


def test_an_event_id_may_be_a_uuid(api: ApiDouble) -> None:
    event_id = uuid.uuid4()
    with BackgroundClient(api.url) as client:
        assert client.ingest(**ROW, event_id=event_id) == str(event_id)
        client.label("p", event_id, 1)
        assert client.flush(10)
        assert client.stats.dropped == {}
    assert api.seen[-1].rows[0]["event_id"] == str(event_id)


def test_a_lost_answer_is_retried_with_the_same_ids(api: ApiDouble) -> None:
    api.misbehaviours += [Misbehaviour(503, store_first=True), Misbehaviour(500), Misbehaviour(401)]
    with BackgroundClient(api.url, "k") as client:
        client.ingest(**ROW)
        wait_for(lambda: client.flush(0.5))
        assert client.stats.sent == 1
    assert len(api.stored) == 1
    assert len({seen.body for seen in api.seen}) == 1


def test_a_full_queue_drops_and_counts_and_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    client = BackgroundClient(UNREACHABLE, max_rows=10)
    event_ids = [client.ingest(**ROW) for _ in range(25)]
    assert (client.stats.queued, client.stats.dropped) == (10, {"queue_full": 15})
    assert event_ids[10:] == [None] * 15
    assert sum("queue_full" in record.getMessage() for record in caplog.records) == 1
    client.close(0.1)
    assert client.stats.dropped == {"queue_full": 15, "closed": 10}
    assert client.ingest(**ROW) is None


@pytest.mark.parametrize(
    "row", [{}, {"features": 1}, {"features": {"a": object()}}, {**ROW, "timestamp": 7, "y_pred": {1}}]
)
def test_a_row_that_cannot_be_sent_never_raises_into_the_host(api: ApiDouble, row: dict[str, Any]) -> None:
    with BackgroundClient(api.url) as client:
        client.ingest(row)
        client.ingest(**ROW)
        assert client.flush(10)
        assert (client.stats.sent, client.stats.dropped) == (1, {"invalid": 1})
        assert client.stats.last_error


def test_errors_are_raised_if_the_host_asks_for_them() -> None:
    client = BackgroundClient(UNREACHABLE, max_rows=1, raise_errors=True)
    with pytest.raises(TypeError, match=r"^y_pred: .* not list"):
        client.ingest(**{**ROW, "y_pred": [1]})
    client.ingest(**ROW)
    with pytest.raises(QueueFullError):
        client.ingest(**ROW)
    client.close(0)


def test_rejected_rows_are_counted_with_the_servers_reason(api: ApiDouble) -> None:
    with BackgroundClient(api.url) as client:
        client.ingest(**{**ROW, "latency_ms": -1})
        client.ingest(**ROW)
        client.flush(10)
        assert (client.stats.sent, client.stats.rejected) == (1, 1)
        assert client.stats.last_error == "latency_ms: must not be negative"


def test_a_forbidden_project_costs_no_rows_of_others(api: ApiDouble) -> None:
    api.misbehaviours += [Misbehaviour(403), Misbehaviour(403)]
    with BackgroundClient(api.url) as client:
        client.ingest(**{**ROW, "project_id": "forbidden"})
        client.ingest(**ROW)
        client.flush(10)
        assert (client.stats.sent, client.stats.dropped) == (1, {"refused": 1})
    assert [row["project_id"] for row in api.stored.values()] == ["p"]


@pytest.mark.parametrize("spooled", [False, True])
def test_a_forked_child_sends_its_own_rows_and_none_of_its_parents(
    api: ApiDouble, tmp_path: Path, *, spooled: bool
) -> None:
    client = BackgroundClient(api.url, interval_s=60, spool_dir=tmp_path if spooled else None)
    parent_id = client.ingest(**ROW)
    child = os.fork()
    if child == 0:
        client.ingest(**ROW, event_id="child")
        os._exit(0 if client.flush(20) and client.stats.sent == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert list(api.stored) == ["child"]
    client.close()
    assert list(api.stored) == ["child", parent_id]


def test_the_end_of_the_process_flushes(api: ApiDouble) -> None:
    program = f"""
from ml_guard import BackgroundClient
client = BackgroundClient({api.url!r}, interval_s=60)
for _ in range(2_500):
    client.ingest(**{ROW!r})
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert len(api.stored) == 2_500


def test_the_end_of_the_process_waits_seconds_for_a_dead_server() -> None:
    program = f"from ml_guard import BackgroundClient; BackgroundClient({UNREACHABLE!r}).ingest(**{ROW!r})"
    started_at = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", program], check=True, timeout=60, capture_output=True, text=True)
    assert time.monotonic() - started_at < 30
    assert "rows dropped (closed, 1 so far)" in ended.stderr


@pytest.mark.parametrize("spooled", [False, True])
def test_an_event_takes_less_than_20_microseconds_on_the_callers_thread(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, spooled: bool
) -> None:
    client = BackgroundClient(UNREACHABLE, spool_dir=tmp_path if spooled else None)
    features = {"age": 31, "country": "CA", **{f"f{n}": n * 0.5 for n in range(8)}}
    seconds = []
    caplog.set_level(logging.ERROR, "ml_guard")
    for _ in range(5):
        started_at = time.thread_time()
        for _ in range(2_000):
            client.ingest(project_id="p", model_id="m", latency_ms=35, y_pred=1, y_proba=0.77, features=features)
        seconds.append((time.thread_time() - started_at) / 2_000)
    client.close(0)
    assert min(seconds) < 20e-6


def test_a_client_that_is_closed_while_the_server_fails_leaves_no_connection_open(api: ApiDouble) -> None:
    api.misbehaviours.extend([Misbehaviour(503)] * 100)
    client = BackgroundClient(api.url)
    client.ingest(**ROW)
    wait_for(lambda: bool(api.seen))
    client.close(0)
    assert client.stats.dropped == {"closed": 1}

    def connections() -> list[object]:
        own = psutil.Process().net_connections("tcp")
        return [connection for connection in own if connection.raddr and connection.raddr.port == api.server_address[1]]

    wait_for(lambda: not connections())


def test_many_threads_share_a_client(api: ApiDouble) -> None:
    with BackgroundClient(api.url, batch_rows=100) as client:
        threads = [threading.Thread(target=lambda: [client.ingest(**ROW) for _ in range(500)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.flush(30)
    assert len(api.stored) == 2_000


def test_a_monitored_function_is_recorded_with_features_prediction_and_latency(api: ApiDouble) -> None:
    with BackgroundClient(api.url) as client:

        @client.monitor("p", "m", segment="s")
        def approve(customer: dict[str, Any], amount: float = 10.0) -> bool:
            return bool(customer["age"] > amount)

        assert approve({"age": 31}) is True
        with pytest.raises(KeyError):
            approve({})
        client.flush(10)
    (event,) = api.stored.values()
    assert (event["features"], event["y_pred"], event["segment"]) == ({"age": 31, "amount": 10.0}, True, "s")
    assert event["latency_ms"] > 0


async def test_a_monitored_coroutine_function_keeps_its_result(api: ApiDouble) -> None:
    with BackgroundClient(api.url) as client:

        @client.monitor(
            "p", "m", features=lambda text: {"length": len(text)}, prediction=lambda r: (r["label"], r["score"])
        )
        async def classify(text: str) -> dict[str, Any]:
            return {"label": "spam", "score": 0.9}

        assert await classify("abc") == {"label": "spam", "score": 0.9}
        client.flush(10)
    (event,) = api.stored.values()
    assert (event["features"], event["y_pred"], event["y_proba"]) == ({"length": 3}, "spam", 0.9)


def test_a_failure_in_recording_does_not_reach_the_host(api: ApiDouble) -> None:
    with BackgroundClient(api.url) as client:

        @client.monitor("p", "m", prediction=lambda result: result["no such key"])
        def predict(n: int) -> dict[str, int]:
            return {"n": n}

        assert predict(1) == {"n": 1}
        assert client.stats.dropped == {"failed": 1}


def test_a_wrapped_model_records_a_row_of_each_prediction(api: ApiDouble) -> None:
    model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "yes"])
    with BackgroundClient(api.url) as client:
        wrapped = client.wrap(model, "p", "m")
        assert list(wrapped.predict([[0.0], [3.0]])) == ["no", "yes"]
        probabilities = wrapped.predict_proba([[3.0]])
        assert list(wrapped.classes_) == ["no", "yes"]
        client.flush(10)
    events = list(api.stored.values())
    assert [event["y_pred"] for event in events] == ["no", "yes", "yes"]
    assert [event["features"] for event in events] == [{"x0": 0.0}, {"x0": 3.0}, {"x0": 3.0}]
    assert events[2]["y_proba"] == pytest.approx(probabilities[0][1])


class Constant:
    """A model that predicts 1 for each row, in the form that it is given."""

    def __init__(self, form: Any) -> None:
        self.form = form

    def predict(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's name
        return self.form([1] * len(X))


@pytest.mark.parametrize("form", [list, lambda values: pd.DataFrame({"prediction": values})])
@pytest.mark.parametrize("rows", [pd.DataFrame({"a": [3, 4]}), pa.table({"a": [3, 4]}), [{"a": 3}, {"a": 4}]])
def test_rows_and_predictions_of_any_table_are_recorded_by_their_values(api: ApiDouble, rows: Any, form: Any) -> None:
    with BackgroundClient(api.url, "k") as client:
        client.wrap(Constant(form), project_id="p", model_id="m").predict(X=rows)
    assert [(row["features"], row["y_pred"]) for seen in api.seen for row in seen.rows] == [
        ({"a": 3}, 1),
        ({"a": 4}, 1),
    ]


def test_predictions_that_do_not_fit_the_rows_are_counted_and_none_is_recorded(api: ApiDouble) -> None:
    with BackgroundClient(api.url, "k") as client:
        model = client.wrap(Constant(lambda values: values[1:]), project_id="p", model_id="m")
        assert model.predict([[1], [2]]) == [1]
        assert client.stats.dropped == {"failed": 1}
    assert api.seen == []
