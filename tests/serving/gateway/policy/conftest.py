"""Policies of tests."""

from collections.abc import Callable

import pytest

from serving.gateway.policy.policy import Policy
from tests.support.gateway import build_policy


@pytest.fixture
def make_policy() -> Callable[..., Policy]:
    return build_policy
