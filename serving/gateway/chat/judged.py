"""A whole request and a whole answer under the policy: nothing but words of the protocol and numbers passes unread."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.chat.logprobs import clean, spelled
from serving.gateway.chat.texts import has_token_ids, rewrite
from serving.gateway.policy.policy import Policy
from serving.http.problems import Unprocessable

END_USER: Final = ("safety_identifier", "user")
PROTOCOL: Final = frozenset(
    {"id", "object", "created", "model", "usage", "system_fingerprint", "service_tier", "obfuscation"}
)
"""Fields of an answer that the server writes, not the model."""
WITHHELD: Final = "content_filter"


def judge_request(body: dict[str, Any], judging: PolicySession) -> None:
    """Put the texts of a request through the policy, in place.

    Raises
    ------
    Forbidden
        Where the policy blocks one.
    Unprocessable
        Where one cannot be read, or the model's name is one of them.
    """
    if judging.request(body["model"]) != body["model"]:
        raise Unprocessable("model: has what the policy takes out of texts in its name.", param="model")
    if has_token_ids(body.get("input")) and judging.policy.changes("request"):
        raise Unprocessable(
            "input: must be text: the policy cannot read numbers of tokens (LangChain: check_embedding_ctx_length=False).",
            param="input",
        )
    named = {name: _pseudonym(body.pop(name), judging) for name in END_USER if isinstance(body.get(name), str)}
    judged = rewrite({name: value for name, value in body.items() if name != "model"}, judging.request)
    judged |= {"model": body["model"], **named}
    body.clear()
    body.update(judged)


def judge_answer(answer: Mapping[str, Any], judging: PolicySession) -> dict[str, Any]:
    """An answer as it may go out; `judging.blocked` where a choice of it is withheld."""
    judged = {
        name: value if name in PROTOCOL else rewrite(value, judging.response, name)
        for name, value in answer.items()
        if name != "choices"
    }
    return {**judged, "choices": [_choice(choice, judging) for choice in answer["choices"]]}


def _choice(choice: Any, judging: PolicySession) -> Any:
    if not isinstance(choice, dict):
        return rewrite(choice, judging.response)
    was_blocked, judging.blocked = judging.blocked, False
    judged = {name: value for name, value in choice.items() if name != "logprobs"}
    judged = rewrite(judged, judging.response)
    withheld = judging.blocked
    judging.blocked = was_blocked or withheld
    if withheld:
        message = {"role": "assistant", "content": None}
        judged = {"index": choice.get("index", 0), "message": message, "finish_reason": WITHHELD}
    if "logprobs" in choice:
        judged["logprobs"] = _logprobs(choice, judged, judging.policy)
    return judged


def _logprobs(choice: Mapping[str, Any], judged: Mapping[str, Any], policy: Policy) -> dict[str, Any] | None:
    """Those that spell a text which the policy has let out as it was."""
    told, message = choice["logprobs"], judged.get("message")
    if not isinstance(told, dict) or not isinstance(message, dict):
        return None
    if not policy.changes("response"):
        return told
    if message != choice["message"]:
        return None
    kept = {name: entries for name, entries in told.items() if spelled(entries) == message.get(name)}
    return {name: clean(kept.get(name), policy) or None for name in told}


def _pseudonym(user: str, judging: PolicySession) -> str:
    """Whom the caller asks for; what the policy would redact becomes a name that is the same each time."""
    if judging.request(user) == user:
        return user
    return f"user_{hashlib.sha256(user.encode()).hexdigest()[:16]}"
