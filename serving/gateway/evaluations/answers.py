"""What is known of an answer once its call has ended, and the event that it becomes; neither has any text of it.

Calls are chosen and events stored by `service`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from guard_core.units import NANO
from guard_store.spending.amounts import Amount
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.evaluations.refusals import is_refusal
from serving.gateway.upstreams.decoding import join_parts, list_objects

GOOD: Final = "good"
"""What every evaluated answer is predicted to be, and what a user may find it."""
BAD: Final = "bad"
_EVENT_PREFIX: Final = "answer-"
_PREFIXES: Final = ("prompt-", "llm-")
_FILTERED: Final = "content_filter"
_FINISH_REASONS: Final = frozenset({"stop", "length", "tool_calls", "function_call", _FILTERED})
_MAX_ID: Final = 128
_no_id_characters = re.compile(r"[^A-Za-z0-9._-]+")

Outcome = Literal["answered", "refused", "blocked"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of an answer.

    Attributes
    ----------
    prompt : `name@version` of the template that was used.
    characters : of its text.
    refused : whether the model or its server declines.
    findings : of the content policy, in request and answer.
    injection : whether any of them is a phrase of prompt injection.
    finish_reason : as chat completions have it, `other` for any else; None if it is not known.
    grounded : share of its claims that the sources support; None if they were not checked, or it has none.
    """

    prompt: str | None
    stream: bool
    characters: int
    refused: bool
    findings: int
    injection: bool
    finish_reason: str | None = None
    grounded: float | None = None


@dataclass(frozen=True, slots=True)
class EvaluatedCall:
    """A settled call whose answer becomes an event: its request, its answer and its usage.

    Attributes
    ----------
    model : that answered.
    """

    project_id: str
    request_id: str
    route: str
    model: str
    answer: Answer
    blocked: bool
    usage: Amount
    latency_ms: float

    def event(self) -> dict[str, Any]:
        """Return the event as `POST /api/v1/events` takes it."""
        answer, usage = self.answer, self.usage
        known = {"finish_reason": answer.finish_reason, "grounded": answer.grounded}
        return {
            "event_id": event_id_of(self.request_id),
            "request_id": self.request_id,
            "project_id": self.project_id,
            "model_id": model_id_of(answer.prompt, self.model),
            "timestamp": datetime.now(UTC).isoformat(),
            "endpoint": self.route,
            "latency_ms": self.latency_ms,
            "y_pred": GOOD,
            "features": {
                "model": self.model[:_MAX_ID],
                "stream": answer.stream,
                "outcome": self._outcome,
                "tokens_in": usage.tokens_in,
                "tokens_out": usage.tokens_out,
                "cost_usd": None if usage.cost_nano_usd is None else usage.cost_nano_usd / NANO,
                "answer_characters": answer.characters,
                "findings": answer.findings,
                "injection": answer.injection,
                **{name: value for name, value in known.items() if value is not None},
            },
            **({"segment": answer.prompt} if answer.prompt is not None else {}),
        }

    @property
    def _outcome(self) -> Outcome:
        if self.blocked:
            return "blocked"
        return "refused" if self.answer.refused else "answered"


def event_id_of(request_id: str) -> str:
    """Return the id of an answer's event: a client may give a request the id of an event of its own.

    >>> event_id_of("order-123")
    'answer-order-123'
    """
    return f"{_EVENT_PREFIX}{request_id}"[:_MAX_ID]


def model_id_of(prompt: str | None, model: str) -> str:
    """Return the id under which answers are monitored: of the prompt, in all its versions, else of the model.

    >>> model_id_of("query@3", "gpt-4o"), model_id_of(None, "meta-llama/Llama-3.1:free")
    ('prompt-query', 'llm-meta-llama-Llama-3.1-free')
    """
    if prompt is not None:
        return f"prompt-{prompt.partition('@')[0]}"
    return f"llm-{_no_id_characters.sub('-', model)}"[:_MAX_ID]


def is_model_id(model_id: str) -> bool:
    """Return whether an id is of the kind that `model_id_of` returns."""
    return model_id.startswith(_PREFIXES)


def read_choices(choices: Iterable[Any], prompt: str | None, session: PolicySession) -> Answer:
    """Return what is known of a whole chat completion."""
    objects = list_objects(list(choices))
    messages = [choice["message"] for choice in objects if isinstance(choice.get("message"), Mapping)]
    text = "".join(join_parts(message.get("content")) for message in messages)
    refusal = "".join(join_parts(message.get("refusal")) for message in messages)
    reasons = {str(choice["finish_reason"]) for choice in objects if choice.get("finish_reason")}
    return _answer(text, refusal, reasons, prompt, session, stream=False)


def read_stream(
    texts: Iterable[Mapping[str, Any]], reasons: Iterable[str], prompt: str | None, session: PolicySession
) -> Answer:
    """Return what is known of a streamed chat completion.

    Parameters
    ----------
    texts : released texts of each choice, by their paths.
    """
    pieces = [(str(path).partition(".")[0], text) for choice in texts for path, text in choice.items()]
    text, refusal = ("".join(text for name, text in pieces if name == wanted) for wanted in ("content", "refusal"))
    return _answer(text, refusal, set(reasons), prompt, session, stream=True)


def _answer(
    text: str, refusal: str, reasons: set[str], prompt: str | None, session: PolicySession, *, stream: bool
) -> Answer:
    reason = next(iter(sorted(reasons)), None)  # of several choices, the first in the alphabet: a filtered one
    return Answer(
        prompt=prompt,
        stream=stream,
        characters=len(text) + len(refusal),
        refused=bool(refusal) or _FILTERED in reasons or is_refusal(text),
        findings=session.finding_count,
        injection=session.found_injection,
        finish_reason=reason if reason is None or reason in _FINISH_REASONS else "other",
    )
