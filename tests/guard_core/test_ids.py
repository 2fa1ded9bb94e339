"""Ids: never the same twice, whoever seeds the interpreter's randomness, and in a fork of a process that has made some."""

import random
import subprocess
import sys

from tests.guard_core.forking_ids import make_ids
from tests.support.paths import ROOT


def test_a_seed_does_not_make_ids_again() -> None:
    random.seed(7)
    before = make_ids()
    random.seed(7)
    assert not set(before) & set(make_ids())
    assert [len(one) for one in before] == [32, 12]


def test_forks_make_ids_of_their_own() -> None:
    command = [sys.executable, "-m", "tests.guard_core.forking_ids"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    ids = printed.split()
    assert len(printed.splitlines()) == 4
    assert len(ids) == 8
    assert len(set(ids)) == len(ids)
