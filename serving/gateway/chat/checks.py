"""Whole requests and responses under the content policy: only words of the protocol and numbers pass unchecked."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.chat.borders import check_borders
from serving.gateway.chat.dialects import TOKEN_IDS, normalize_message
from serving.gateway.chat.logprobs import join_tokens, remove_unsafe_alternatives, replace_logprobs
from serving.gateway.chat.texts import TextRewriter, has_token_ids, rewrite
from serving.gateway.policy.policy import Policy
from serving.gateway.protocols.fields import find_holder
from serving.gateway.protocols.protocol import Protocol, TranslatedProtocol
from serving.http.problems import Unprocessable

PROTOCOL: Final = frozenset(
    {"id", "object", "created", "model", "usage", "system_fingerprint", "service_tier", "obfuscation"}
)
"""Fields of a response that the server writes, not the model."""
_CONVERSATIONS: Final = frozenset({"messages", "input"})
"""Fields of a request that hold a list of messages or items."""
WITHHELD: Final = "content_filter"


def check_request(body: dict[str, Any], session: PolicySession, protocol: Protocol) -> None:
    """Check the texts of a request of a protocol against the policy, in place.

    Raises
    ------
    Forbidden
        If the policy blocks one.
    Unprocessable
        If a text cannot be read, or the policy would change the model's name.
    """
    model = body["model"]
    if not session.policy.is_clean_name(model) and session.request(model) != model:
        raise Unprocessable("model: contains something that the policy redacts.", param="model")
    if has_token_ids(body.get("input")) and session.policy.changes("request"):
        raise Unprocessable(
            "input: must be text: the policy cannot read token ids (LangChain: check_embedding_ctx_length=False).",
            param="input",
        )
    users = _take_end_users(body, session, protocol)
    schemas = {name: body.pop(name) for name in protocol.schema_fields if name in body}
    rewriter = TextRewriter(session.request)
    checked = rewriter.rewrite({name: value for name, value in body.items() if name != "model"})
    for name in _CONVERSATIONS & checked.keys():
        check_borders(checked[name], session)
    session.unread(rewriter.unread)
    if schemas:
        checked |= TextRewriter(session.request, checks_numbers=False).rewrite(schemas)
    checked["model"] = model
    body.clear()
    body.update(checked)
    for path, user in users.items():
        find_holder(body, path)[path[-1]] = user


def check_own_answer(answer: Mapping[str, Any], protocol: TranslatedProtocol, session: PolicySession) -> dict[str, Any]:
    """Return a response of a protocol other than chat completions as it may be sent to a caller of the same protocol.

    `session.blocked` is set if it is withheld.
    """
    checked = {
        name: value if name in protocol.server_fields else rewrite(value, session.response, name)
        for name, value in answer.items()
    }
    if session.policy.changes("response"):
        replace_logprobs(answer, checked, session.policy)
    return protocol.withhold(answer) if session.blocked else checked


def check_answer(answer: Mapping[str, Any], session: PolicySession) -> dict[str, Any]:
    """Return a response as it may be sent; `session.blocked` is set if one of its choices is withheld."""
    checked = {
        name: value if name in PROTOCOL else rewrite(value, session.response, name)
        for name, value in answer.items()
        if name != "choices"
    }
    choices = [_check_choice(choice, position, session) for position, choice in enumerate(answer["choices"])]
    return {**checked, "choices": choices}


def _check_choice(choice: Any, position: int, session: PolicySession) -> Any:
    if not isinstance(choice, dict):
        return rewrite(choice, session.response)
    normalize_message(choice, position)
    was_blocked, session.blocked = session.blocked, False
    checked = {name: value for name, value in choice.items() if name != "logprobs"}
    checked = rewrite(checked, session.response)
    withheld = session.blocked
    session.blocked = was_blocked or withheld
    if withheld:
        message = {"role": "assistant", "content": None}
        checked = {"index": choice["index"], "message": message, "finish_reason": WITHHELD}
    if checked.get("message") != choice.get("message"):
        checked = {name: value for name, value in checked.items() if name not in TOKEN_IDS}
    if "logprobs" in choice:
        checked["logprobs"] = _check_logprobs(choice, checked, session.policy)
    return checked


def _check_logprobs(choice: Mapping[str, Any], checked: Mapping[str, Any], policy: Policy) -> dict[str, Any] | None:
    """Return the log probabilities whose tokens spell a text that the policy left unchanged."""
    logprobs, message = choice["logprobs"], checked.get("message")
    if not isinstance(logprobs, dict) or not isinstance(message, dict):
        return None
    if not policy.changes("response"):
        return logprobs
    if message != choice["message"]:
        return None
    unchanged = {name: entries for name, entries in logprobs.items() if join_tokens(entries) == message.get(name)}
    return {name: remove_unsafe_alternatives(unchanged.get(name), policy) or None for name in logprobs}


def _take_end_users(body: dict[str, Any], session: PolicySession, protocol: Protocol) -> dict[tuple[str, ...], str]:
    """Remove the names of the end user from a request; return them, or their pseudonyms, by path."""
    users = {}
    for path in protocol.end_user_paths:
        holder = find_holder(body, path)
        if isinstance(holder.get(path[-1]), str):
            users[path] = _pseudonym(holder.pop(path[-1]), session)
    return users


def _pseudonym(user: str, session: PolicySession) -> str:
    """Return the end user; replace one that the policy would redact with a stable pseudonym."""
    if session.request(user) == user:
        return user
    return f"user_{hashlib.sha256(user.encode()).hexdigest()[:16]}"
