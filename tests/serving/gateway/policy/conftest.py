"""Policies of tests."""

from collections.abc import Callable
from typing import Any

import pytest

from serving.gateway.policy.policy import Policy
from serving.gateway.policy.rules import PolicyRules

KINDS = ("ssn", "credit_card", "iban", "email", "phone", "ip", "api_key")


def policy_of(action: str = "redact", **changed: Any) -> Policy:
    """A policy with one action for everything."""
    rules = {
        "denylist": {"terms": ["SSN", "PHI", "Project Bluebird", "straße"], "action": action},
        "pii": dict.fromkeys(KINDS, action),
        **changed,
    }
    return Policy(PolicyRules.model_validate(rules))


@pytest.fixture
def make_policy() -> Callable[..., Policy]:
    return policy_of
