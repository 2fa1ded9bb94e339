"""The rest of the surface: problems, secrets, pages, labels, and the asynchronous twin."""

import inspect
import json
import subprocess
import sys
from datetime import date

import pytest
from ml_guard import ApiError, AsyncMLGuardClient, ConnectionFailedError, MLGuardClient, Rows

from tests.sdk.api_double import API_KEY, DROP, ROW, ApiDouble, Misbehaviour


def test_a_problem_becomes_an_error_with_its_parts(api: ApiDouble, client: MLGuardClient) -> None:
    problem = {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "project p exists"}
    api.misbehaviours.append(Misbehaviour(409, {"X-Request-ID": "server-1"}, json.dumps(problem).encode()))
    with pytest.raises(ApiError) as caught:
        client.create_project("p")
    error = caught.value
    assert (error.status, error.title, error.detail) == (409, "Conflict", "project p exists")
    assert error.request_id == "server-1"
    assert str(error) == "409 Conflict: project p exists (request server-1)"


@pytest.mark.parametrize("body", [b"<html>gateway</html>", b"\xff\xfe", b"[1]", b""])
def test_a_page_of_a_proxy_is_an_error_too(api: ApiDouble, client: MLGuardClient, body: bytes) -> None:
    api.misbehaviours.append(Misbehaviour(404, {}, body))
    with pytest.raises(ApiError) as caught:
        client.get_project("p")
    assert (caught.value.status, caught.value.title) == (404, "Not Found")
    assert caught.value.request_id == api.seen[0].headers["X-Request-ID"]


def test_a_success_that_is_not_an_answer_is_an_error(api: ApiDouble, client: MLGuardClient) -> None:
    api.misbehaviours.append(Misbehaviour(200, {}, b"<html>log in first</html>"))
    with pytest.raises(ApiError, match="log in first"):
        client.health()


def test_the_key_is_sent_and_never_shown(api: ApiDouble, client: MLGuardClient) -> None:
    client.health()
    assert api.seen[0].headers["X-API-Key"] == API_KEY
    api.misbehaviours += [Misbehaviour(403), Misbehaviour(DROP)]
    texts = [repr(client), str(client)]
    for failing in (client.health, lambda: client.capture_baseline("p", "m", "2013-01-01", "2013-01-31")):
        with pytest.raises((ApiError, ConnectionFailedError)) as caught:
            failing()
        texts += [repr(caught.value), str(caught.value)]
    with pytest.raises(ValueError, match="api_key") as refused:
        MLGuardClient("http://localhost:8000", f"{API_KEY}\n")
    texts.append(str(refused.value))
    assert not [text for text in texts if API_KEY in text]


def test_a_password_in_the_url_is_not_shown() -> None:
    with MLGuardClient("http://user:hidden@localhost:8000", "k") as client:
        assert "hidden" not in repr(client)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://"])
def test_a_wrong_base_url_is_named(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        MLGuardClient(url, "k")


@pytest.mark.parametrize("what", ["metrics", "drift", "days"])
def test_all_pages_of_a_range_of_days_are_read(api: ApiDouble, client: MLGuardClient, what: str) -> None:
    api.days = [{"day": f"2013-01-0{n}"} for n in range(1, 6)]
    items = getattr(client, what)("a/b", "m 1", start=date(2013, 1, 1), end="2013-01-05")
    assert items == api.days
    assert len(api.seen) == 3
    assert api.seen[0].path == f"/api/v1/projects/a%2Fb/models/m%201/{what}?start=2013-01-01&end=2013-01-05"


def test_a_project_is_created_with_its_zone(api: ApiDouble, client: MLGuardClient) -> None:
    body = client.create_project("flights", timezone="America/New_York")
    assert body == {"id": "flights", "name": "flights", "timezone": "America/New_York", "settings": {}}


def test_labels_to_a_server_without_them_are_a_clear_error(api: ApiDouble, client: MLGuardClient) -> None:
    problem = b'{"title": "Not Found", "status": 404, "detail": "no route /api/v1/labels"}'
    api.misbehaviours.append(Misbehaviour(404, {"Content-Type": "application/problem+json"}, problem))
    with pytest.raises(ApiError, match="404 Not Found: no route /api/v1/labels"):
        client.send_labels([{"project_id": "p", "event_id": "e", "y_true": 1, "observed_at": "2013-01-01T12:00:00Z"}])
    assert api.seen[0].rows == [
        {"project_id": "p", "event_id": "e", "y_true": 1, "observed_at": "2013-01-01T12:00:00Z"}
    ]


def test_a_label_needs_a_value(client: MLGuardClient) -> None:
    with pytest.raises(TypeError, match=r"rows\[0\]\.event_id: is missing"):
        client.send_labels([{"project_id": "p", "y_true": 1}])
    with pytest.raises(ValueError, match=r"rows\[0\]\.y_true: a label needs a value"):
        client.send_labels([{"project_id": "p", "event_id": "e", "y_true": None}])


async def test_the_asynchronous_client_does_the_same(api: ApiDouble) -> None:
    api.misbehaviours += [Misbehaviour(503), Misbehaviour(DROP, store_first=True)]
    async with AsyncMLGuardClient(api.url, API_KEY) as client:
        assert (await client.ingest_event(**ROW)).status == "duplicate"
        assert (await client.ingest_events([ROW] * 3)).accepted == 3
        with pytest.raises(ApiError, match="404"):
            await client.get_project("p")
        assert API_KEY not in repr(client)


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    def surface(client: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(client, inspect.isfunction)
        return {
            name: list(inspect.signature(m).parameters) for name, m in methods if name[0] != "_" and "close" not in name
        }

    assert surface(MLGuardClient) == surface(AsyncMLGuardClient)
    assert "latency_ms" in surface(MLGuardClient)["ingest_event"]


DRIFT = [
    {
        "day": f"2025-01-0{day}",
        "state": "drift",
        "summary": {"drift": 1},
        "features": {"age": {"state": "drift"}, "n": {}},
    }
    for day in (1, 2, 3)
]


def test_rows_become_a_frame_with_nested_values_as_columns(api: ApiDouble, client: MLGuardClient) -> None:
    api.days = DRIFT
    drift = client.drift("p", "m")
    assert drift == DRIFT
    assert drift.to_frame()["summary.drift"].tolist() == [1, 1, 1]
    verdicts = drift.to_frame("features")
    assert verdicts["name"].tolist() == ["age", "n"] * 3
    assert verdicts["features.state"].tolist()[0] == "drift"
    assert verdicts["day"].tolist()[-1] == "2025-01-03"
    assert Rows([{"day": "d", "services": [{"cost": "1.5"}, {"cost": "2"}]}]).to_frame("services").to_dict(
        "records"
    ) == [
        {"day": "d", "services.cost": "1.5"},
        {"day": "d", "services.cost": "2"},
    ]
    assert Rows().to_frame().empty
    with pytest.raises(KeyError, match="'columns' is not in the row; there are day, state"):
        drift.to_frame("columns")


def test_a_frame_without_pandas_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        Rows([{"a": 1}]).to_frame()


def test_any_route_can_be_requested(api: ApiDouble, client: MLGuardClient) -> None:
    api.days = DRIFT
    assert client.request("GET", "/api/v1/health", params={"a": None, "b": True}) == {"status": "ok"}
    assert api.seen[-1].path == "/api/v1/health?b=true"
    assert client.request("post", "/api/v1/projects", body={"id": "p"}) == {"id": "p"}
    assert client.rows("/any/days") == DRIFT
    api.misbehaviours += [
        Misbehaviour(204),
        Misbehaviour(200, {"Content-Type": "text/csv"}, b"a,b"),
        Misbehaviour(200, {"Content-Type": "application/json"}, b"[1]"),
    ]
    assert client.request("DELETE", "/api/v1/keys/k") is None
    assert client.request("GET", "/api/v1/audit/export") == "a,b"
    assert client.request("GET", "/list") == [1]
    with pytest.raises(ApiError, match="404"):
        client.request("GET", "/nowhere")
    with pytest.raises(ValueError, match=r"^path: /api/v1/health lists no items; use request"):
        client.rows("/api/v1/health")
    with pytest.raises(ValueError, match=r"^path: must begin with a slash"):
        client.request("GET", "http://elsewhere/")


def test_a_request_that_may_have_been_processed_is_repeated_only_where_that_changes_nothing(
    api: ApiDouble, client: MLGuardClient
) -> None:
    api.misbehaviours += [Misbehaviour(DROP)]
    assert client.request("GET", "/api/v1/health") == {"status": "ok"}
    api.misbehaviours += [Misbehaviour(DROP)]
    with pytest.raises(ConnectionFailedError):
        client.request("POST", "/api/v1/projects", body={})


def test_importing_the_client_loads_no_library_of_frames() -> None:
    program = "import ml_guard, sys; print({'pandas', 'pyarrow', 'polars', 'numpy', 'starlette'} & sys.modules.keys())"
    assert (
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "set()\n"
    )
