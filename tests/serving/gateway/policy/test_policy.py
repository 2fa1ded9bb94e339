"""A policy on whole texts: what is flagged, redacted, blocked; what is never said."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from serving.gateway.policy.book import PolicyBook
from serving.gateway.policy.policy import Finding, Policy
from serving.gateway.policy.stream import ResponseStream
from serving.gateway.policy.vault import Vault

Make = Callable[..., Policy]


@pytest.fixture
def default() -> Policy:
    return PolicyBook(None).of(None)


@pytest.mark.parametrize(
    "text",
    [
        "my ssn",
        "SSN:",
        "(Phi)",
        "S.S.N",
        "s-s-n",
        "P H I",
        "\uff33\uff33\uff2e",
        "S\u200bS\u00adN",
        "\u0405\u0405N",
        "ssn_1",
    ],
)
def test_the_terms_of_the_specification_are_flagged_by_default(default: Policy, text: str) -> None:
    verdict = default.request(text, Vault())
    assert verdict.findings == (Finding("denylist", "flag", "request", 1),)
    assert verdict.text == text


@pytest.mark.parametrize("text", ["lessness", "philosophy", "delphi", "assn", "Sssn", "a phish", "2ssn"])
def test_a_term_inside_a_word_is_none(default: Policy, text: str) -> None:
    assert default.request(text, Vault()).findings == ()


def test_redaction_cuts_the_original_exactly(make_policy: Make) -> None:
    text = "\u00e9t\u00e9 \uff33\u200bS\u200bN, mail J\u200bo@example.com; \u00fcber Project\n Bluebird!"
    assert (
        make_policy().request(text, Vault()).text
        == "\u00e9t\u00e9 [DENYLIST_1], mail [EMAIL_1]; \u00fcber [DENYLIST_2]!"
    )


def test_the_same_text_has_the_same_placeholder(make_policy: Make) -> None:
    vault = Vault()
    text = "a@b.de, c@d.de, a@b.de"
    assert make_policy().request(text, vault).text == "[EMAIL_1], [EMAIL_2], [EMAIL_1]"
    assert make_policy().request("c@d.de", vault).text == "[EMAIL_2]"


def test_what_was_taken_out_reversibly_is_put_back_into_the_answer(make_policy: Make) -> None:
    policy = make_policy(pii={"email": {"action": "redact", "reversible": True}, "ssn": {"action": "redact"}})
    vault = Vault()
    asked = policy.request("Write to a@b.de about 123-45-6789", vault)
    assert asked.text == "Write to [EMAIL_1] about [SSN_1]"
    assert (
        policy.response("Dear [EMAIL_1], on [SSN_1], cc x@y.de", vault).text == "Dear a@b.de, on [SSN_1], cc [EMAIL_2]"
    )
    assert "a@b.de" not in repr(vault)


def test_a_blocked_text_is_gone(make_policy: Make) -> None:
    verdict = make_policy("block").request("the SSN is", Vault())
    assert (verdict.text, verdict.blocked, verdict.findings[0].rule) == ("", True, "denylist")


def test_a_rule_holds_on_its_sides_only(make_policy: Make) -> None:
    policy = make_policy(denylist={"terms": ["SSN"], "action": "block", "sides": ["response"]})
    assert not policy.request("SSN", Vault()).blocked
    assert policy.response("SSN", Vault()).blocked


def test_what_is_clean_goes_through_as_it_is(default: Policy) -> None:
    text = "Combien coûte un café à 3,50 € le 2013-01-05? \U0001f600\u200d\U0001f4bb v1.2.3 <b>"
    verdict = default.request(text, Vault())
    assert verdict.text == text
    assert verdict.findings == ()


def test_a_policy_has_a_hash_of_its_rules(make_policy: Make) -> None:
    assert make_policy().hash == make_policy().hash != make_policy("block").hash


def _parse(value: Any) -> Any:
    """Parse JSON, and the texts in it that are JSON again."""
    if isinstance(value, dict):
        return {name: _parse(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_parse(item) for item in value]
    return _parse(json.loads(value)) if isinstance(value, str) and value.startswith("{") else value


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("depth", range(4))
def test_json_in_json_remains_valid_at_every_level(make_policy: Make, depth: int, indent: int | None) -> None:
    card = 4111111111111111
    text = json.dumps(
        {"n": card, "rows": [[1, card]], "mail": "Hi,\njo@example.com\n", "said": f'"[{card}, "'}, indent=indent
    )
    expected: Any = {"n": "[CREDIT_CARD_1]", "rows": [[1, "[CREDIT_CARD_1]"]], "mail": "Hi,\n[EMAIL_1]\n"}
    expected["said"] = '"[[CREDIT_CARD_1], "'
    for _ in range(depth):
        text, expected = json.dumps({"p": text, "q": [text, 7]}, indent=indent), {"p": expected, "q": [expected, 7]}
    policy = make_policy(pii={"credit_card": "redact", "email": "redact"})
    assert _parse(policy.response(text, Vault()).text) == expected
    stream = ResponseStream(policy, Vault())
    assert _parse("".join(map(stream.feed, text)) + stream.finish()) == expected


def test_a_string_of_json_that_begins_with_a_bracket_is_no_json_for_that(make_policy: Make) -> None:
    policy = make_policy(pii={"credit_card": "redact"})
    text = json.dumps({"text": "[note] call, 4111111111111111 now"})
    assert json.loads(policy.request(text, Vault()).text) == {"text": "[note] call, [CREDIT_CARD_1] now"}
