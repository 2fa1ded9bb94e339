"""What is sent to servers that are killed: one workload for each thing that a route costs or stores, and the routes that do neither.

A new route that is not a GET belongs into `WORKLOADS`, or with its reason into `HARMLESS`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from serving.gateway.evaluations.answers import event_id_of
from tests.contracts.kill.exchanges import Client, Effect
from tests.contracts.kill.home import PILOT, PROJECT, WATCHED, WATCHED_DAYS
from tests.serving.predict.registered import FEATURES, MODEL_ID
from tests.support.assistant import QUESTION

_V1 = "/api/v1"
_MODEL = f"{_V1}/projects/{{project_id}}/models/{{model_id}}"
_BATCH = 10
HARMLESS = {
    "POST /api/v1/audit/verify": "reads the chain; its own row on the ledger is all that it writes",
    "POST /api/v1/alert-routes/{name}/test": "sends a message and stores nothing besides its own row on the ledger",
}


@dataclass(frozen=True)
class Workload:
    """Requests that are sent again and again.

    Attributes
    ----------
    turn : sends one request or a few that follow from each other.
    routes : those that it must have been answered by, if only once.
    """

    turn: Callable[[Client], Awaitable[None]]
    routes: tuple[str, ...]


WORKLOADS: dict[str, Workload] = {}


def _of(*routes: str) -> Callable[[Callable[[Client], Awaitable[None]]], Callable[[Client], Awaitable[None]]]:
    def register(turn: Callable[[Client], Awaitable[None]]) -> Callable[[Client], Awaitable[None]]:
        WORKLOADS[turn.__name__] = Workload(turn, routes)
        return turn

    return register


async def _until_answered(client: Client, route: str, ids: list[str], body: Any, kind: str) -> None:
    """Send rows; those of a request that was interrupted are sent again before others."""
    ids, body = client.state.setdefault("again", (ids, body))
    await client.send(route, body, effects=[Effect((kind, event_id)) for event_id in ids])
    del client.state["again"]


def _event(event_id: str) -> dict[str, Any]:
    return {
        "project_id": PROJECT, "model_id": "sent", "event_id": event_id, "timestamp": "2013-03-10T12:00:00Z",
        "latency_ms": 1, "y_pred": 1, "features": {"carrier": "AA"},
    }  # fmt: skip


@_of("POST /api/v1/events")
async def event(client: Client) -> None:
    name = client.next_id()
    await _until_answered(client, "POST /api/v1/events", [name], _event(name), "event")


@_of("POST /api/v1/events/batch")
async def batch(client: Client) -> None:
    ids = [f"{client.next_id()}.{n}" for n in range(_BATCH)]
    await _until_answered(client, "POST /api/v1/events/batch", ids, [_event(name) for name in ids], "event")


@_of("POST /api/v1/labels")
async def label(client: Client) -> None:
    ids = [f"{client.next_id()}.{n}" for n in range(1 + client.sent % 2)]
    labels = [
        {"project_id": PROJECT, "event_id": name, "y_true": 1, "observed_at": "2013-03-11T12:00:00Z"} for name in ids
    ]
    await _until_answered(client, "POST /api/v1/labels", ids, labels if len(ids) > 1 else labels[0], "label")


@_of("POST /predict", "POST /api/v1/predict")
async def predict(client: Client) -> None:
    route = ("POST /predict", "POST /api/v1/predict")[client.sent % 2]
    name = client.next_id()
    body = {"features": FEATURES, "project_id": PROJECT, "model": MODEL_ID, "event_id": name}
    await client.send(route, body, effects=[Effect(("event", name))])


async def _chat(client: Client, *, stream: bool) -> None:
    messages = [{"role": "user", "content": f"one two three {client.next_id()}"}]
    body = {"model": "stub", "messages": messages, "max_tokens": 50, "stream": stream}
    await client.send("POST /v1/chat/completions", body)


@_of("POST /v1/chat/completions")
async def chat(client: Client) -> None:
    await _chat(client, stream=False)


@_of("POST /v1/chat/completions")
async def streamed_chat(client: Client) -> None:
    await _chat(client, stream=True)


async def _messages(client: Client, *, stream: bool) -> None:
    messages = [{"role": "user", "content": f"one two three {client.next_id()}"}]
    body = {"model": "stub", "messages": messages, "max_tokens": 50, "stream": stream}
    await client.send("POST /v1/messages", body)


@_of("POST /v1/messages")
async def messages(client: Client) -> None:
    await _messages(client, stream=False)


@_of("POST /v1/messages")
async def streamed_messages(client: Client) -> None:
    await _messages(client, stream=True)


async def _responses(client: Client, *, stream: bool) -> None:
    body = {"model": "stub", "input": f"one two three {client.next_id()}", "max_output_tokens": 50, "stream": stream}
    await client.send("POST /v1/responses", body)


@_of("POST /v1/responses")
async def responses(client: Client) -> None:
    await _responses(client, stream=False)


@_of("POST /v1/responses")
async def streamed_responses(client: Client) -> None:
    await _responses(client, stream=True)


@_of("POST /v1/responses/input_tokens")
async def count_input_tokens(client: Client) -> None:
    await client.send("POST /v1/responses/input_tokens", {"model": "stub", "input": f"one two {client.next_id()}"})


@_of("POST /v1/messages/count_tokens")
async def count_tokens(client: Client) -> None:
    messages = [{"role": "user", "content": f"one two three {client.next_id()}"}]
    await client.send("POST /v1/messages/count_tokens", {"model": "stub", "messages": messages})


@_of("POST /v1/feedback")
async def feedback(client: Client) -> None:
    name = client.next_id()
    event_id = event_id_of(name)
    answer = {**_event(event_id), "model_id": "llm-stub", "y_pred": "good"}
    await client.send("POST /api/v1/events", answer, effects=[Effect(("event", event_id))])
    await client.send("POST /v1/feedback", {"request_id": name, "value": "bad"}, effects=[Effect(("label", event_id))])


@_of("POST /v1/embeddings")
async def embeddings(client: Client) -> None:
    await client.send("POST /v1/embeddings", {"model": "stub", "input": ["one two", client.next_id()]})


async def _query(client: Client, *, stream: bool) -> None:
    route = ("POST /query", "POST /api/v1/query")[client.sent % 2]
    question = f"{QUESTION} {client.next_id()}"
    await client.send(
        route, {"question": question, "grounded": client.sent % 4 == 3, "project_id": PROJECT, "stream": stream}
    )


@_of("POST /query", "POST /api/v1/query")
async def query(client: Client) -> None:
    await _query(client, stream=False)


@_of("POST /query", "POST /api/v1/query")
async def streamed_query(client: Client) -> None:
    await _query(client, stream=True)


async def _research(client: Client, *, stream: bool) -> str:
    route = ("POST /research", "POST /api/v1/research")[client.sent % 2]
    name = client.next_id()
    body = {"topic": f"data retention under GDPR {name}", "project_id": PROJECT, "stream": stream}
    await client.send(route, body, effects=[Effect(("research", name))])
    return name


@_of("POST /research", "DELETE /api/v1/research/{request_id}")
async def research(client: Client) -> None:
    name = await _research(client, stream=False)
    await client.send(
        "DELETE /api/v1/research/{request_id}", path={"request_id": name}, effects=[Effect(("research", name), None)]
    )


@_of("POST /research", "POST /api/v1/research")
async def streamed_research(client: Client) -> None:
    await _research(client, stream=True)


@_of("POST /api/v1/tools/check", "POST /api/v1/tools/record")
async def tools(client: Client) -> None:
    call = client.next_id()
    body: dict[str, Any] = {"tool": "calculator", "arguments": {"a": 1}, "call_id": call, "project_id": PROJECT}
    await client.send("POST /api/v1/tools/check", body, effects=[Effect(("tool call", call), "checked")])
    body = {"call_id": call, "outcome": "ok", "latency_ms": 1, "result": 2}
    await client.send("POST /api/v1/tools/record", body, effects=[Effect(("tool call", call), "ok")])


@_of("POST /api/v1/keys", "DELETE /api/v1/keys/{key_id}")
async def keys(client: Client) -> None:
    name = client.next_id()
    body = {"name": name, "role": "guest", "project_id": PROJECT}
    made = await client.send("POST /api/v1/keys", body, effects=[Effect(("key", name), "valid")])
    if client.sent % 2:
        await client.send(
            "DELETE /api/v1/keys/{key_id}",
            path={"key_id": made.json()["id"]},
            effects=[Effect(("key", name), "revoked")],
        )


@_of("POST /api/v1/projects", "PATCH /api/v1/projects/{project_id}")
async def projects(client: Client) -> None:
    name = client.next_id()
    await client.send(
        "POST /api/v1/projects", {"id": name, "name": "first"}, effects=[Effect(("project", name), "first")]
    )
    await client.send(
        "PATCH /api/v1/projects/{project_id}",
        {"name": "second"},
        path={"project_id": name},
        effects=[Effect(("project", name), "second")],
    )


@_of("POST /api/v1/baselines", f"POST {_MODEL}/baselines/{{version}}/activate")
async def baselines(client: Client) -> None:
    name = client.next_id()
    active = ("active baseline", WATCHED)
    body = {"project_id": PROJECT, "model_id": WATCHED, "start": WATCHED_DAYS[0], "end": WATCHED_DAYS[-1]}
    captured = await client.send(
        "POST /api/v1/baselines", body, effects=[Effect(("baseline", name)), Effect(active, name)]
    )
    version, older = client.state.setdefault("first", (captured.json()["version"], name))
    path = {"project_id": PROJECT, "model_id": WATCHED, "version": str(version)}
    await client.send(f"POST {_MODEL}/baselines/{{version}}/activate", path=path, effects=[Effect(active, older)])


@_of(
    f"PUT {_MODEL}/kinds/{{feature}}",
    f"PUT {_MODEL}/prediction-kind",
    f"DELETE {_MODEL}/kinds/{{feature}}",
    f"DELETE {_MODEL}/prediction-kind",
)
async def kinds(client: Client) -> None:
    path = {"project_id": PROJECT, "model_id": "kinds", "feature": "age"}
    kind = ("numeric", "categorical")[client.sent // 2 % 2]
    feature = Effect(("kind", "kinds", "feature_age"), kind)
    await client.send(f"PUT {_MODEL}/kinds/{{feature}}", {"kind": kind}, path=path, effects=[feature])
    prediction = Effect(("kind", "kinds", "y_pred"), kind)
    await client.send(f"PUT {_MODEL}/prediction-kind", {"kind": kind}, path=path, effects=[prediction])
    if client.sent % 3:
        for route, column in (("kinds/{feature}", "feature_age"), ("prediction-kind", "y_pred")):
            forgotten = Effect(("kind", "kinds", column), None)
            await client.send(f"DELETE {_MODEL}/{route}", path=path, effects=[forgotten])


@_of(f"POST {_MODEL}/retrain", f"POST {_MODEL}/retrain/acknowledge")
async def retraining(client: Client) -> None:
    path = {"project_id": PROJECT, "model_id": WATCHED}
    name = client.next_id()
    await client.send(
        f"POST {_MODEL}/retrain",
        {"reason": name},
        path=path,
        effects=[Effect(("flag", name), "open"), Effect(("decision", name), "forced")],
    )
    # An interrupted request may have raised it.
    flags = await client.send(f"GET {_MODEL}/flags", path=path, params={"limit": "1"})
    (flag,) = flags.json()["items"]
    seen, dismissed = client.next_id(), f"{client.name}-{client.sent + 1}"
    await client.send(
        f"POST {_MODEL}/retrain/acknowledge",
        {"reason": seen},
        path=path,
        effects=[Effect(("decision", seen), "acknowledged")],
    )
    await client.send(
        f"POST {_MODEL}/retrain/acknowledge",
        {"reason": dismissed, "dismiss": True},
        path=path,
        effects=[Effect(("flag", flag["request_id"]), "dismissed"), Effect(("decision", dismissed), "dismissed")],
    )


@_of(
    f"POST {_MODEL}/versions/{{version}}/promote",
    f"POST {_MODEL}/versions/{{version}}/reject",
    f"POST {_MODEL}/rollback",
)
async def versions(client: Client) -> None:
    path = {"project_id": PROJECT, "model_id": PILOT}
    found = (await client.send(f"GET {_MODEL}/versions", path=path)).json()["items"]
    (champion,) = [one["version"] for one in found if "champion" in one["aliases"]]
    (other,) = [one["version"] for one in found if one["version"] != champion]
    for action, route, then in (
        ("rejected", f"POST {_MODEL}/versions/{{version}}/reject", champion),
        ("promoted", f"POST {_MODEL}/versions/{{version}}/promote", other),
        ("rolled_back", f"POST {_MODEL}/rollback", champion),
    ):
        effects = [Effect(("decision", client.next_id()), action), Effect(("champion", PILOT), then)]
        body = {"reason": client.next_id()}
        await client.send(route, body, path={**path, "version": other}, effects=effects)


@_of("PUT /api/v1/budgets", "DELETE /api/v1/budgets/{budget_id}")
async def budgets(client: Client) -> None:
    budget = ("project", PROJECT, "requests", "month")
    body = dict(zip(("scope", "scope_id", "measure", "period"), budget, strict=True))
    limit = 10**6 + client.sent
    put = await client.send(
        "PUT /api/v1/budgets", {**body, "hard": limit}, effects=[Effect(("budget", *budget), limit)]
    )
    if client.sent % 3:
        await client.send(
            "DELETE /api/v1/budgets/{budget_id}",
            path={"budget_id": put.json()["id"]},
            effects=[Effect(("budget", *budget), None)],
        )


@_of(
    "POST /api/v1/alerts/{alert_id}/acknowledge",
    "POST /api/v1/alerts/{alert_id}/mute",
    "POST /api/v1/alerts/{alert_id}/unmute",
)
async def alerts(client: Client) -> None:
    found = await client.send("GET /api/v1/alerts", params={"model_id": WATCHED, "kind": "drift"})
    (alert,) = found.json()["items"]
    for action, done, more in (
        ("acknowledge", "acknowledged", {}),
        ("mute", "muted", {"until": "2040-01-01T00:00:00Z"}),
        ("unmute", "unmuted", {}),
    ):
        name = client.next_id()
        effects = [Effect(("alert step", name), done)]
        if action != "acknowledge":
            effects.append(Effect(("muted", alert["id"]), done == "muted"))
        route = f"POST /api/v1/alerts/{{alert_id}}/{action}"
        await client.send(route, {"reason": name, **more}, path={"alert_id": alert["id"]}, effects=effects)


@_of("POST /api/v1/alert-deliveries/{message_id}/resend")
async def deliveries(client: Client) -> None:
    if "id" not in client.state:
        found = await client.send("GET /api/v1/alert-deliveries", params={"state": "dead", "limit": "1"})
        for message in found.json()["items"]:
            client.state["id"] = message["id"]
        return
    # Its receiver does not exist: it is given up again soon, so that nothing of it is left to see but the ledger.
    await client.send("POST /api/v1/alert-deliveries/{message_id}/resend", path={"message_id": client.state["id"]})


@_of(
    "PUT /api/v1/projects/{project_id}/alert-policies/{name}",
    "DELETE /api/v1/projects/{project_id}/alert-policies/{name}",
)
async def policies(client: Client) -> None:
    name = client.next_id()
    path = {"project_id": PROJECT, "name": name}
    route = "/api/v1/projects/{project_id}/alert-policies/{name}"
    await client.send(f"PUT {route}", {"when": "drift"}, path=path, effects=[Effect(("policy", name))])
    if client.sent % 2:
        await client.send(f"DELETE {route}", path=path, effects=[Effect(("policy", name), None)])


@_of("POST /api/v1/costs/pull")
async def costs(client: Client) -> None:
    day = f"2026-01-{1 + client.sent % 28:02d}"
    await client.send(
        "POST /api/v1/costs/pull",
        params={"project_id": PROJECT, "day": day, "overwrite": "true"},
        effects=[Effect(("cost day", day))],
    )
