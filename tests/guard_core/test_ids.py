"""Ids: never the same twice, whoever seeds the interpreter's randomness, and in a fork of a process that has made some."""

import random
from multiprocessing import get_context

from guard_core.ids import new_event_ids, new_id


def _made() -> list[str]:
    return [new_id(), *(one[-12:] for one in new_event_ids(1))]


def test_a_seed_does_not_make_ids_again() -> None:
    random.seed(7)
    before = _made()
    random.seed(7)
    assert not set(before) & set(_made())
    assert [len(one) for one in before] == [32, 12]


def test_forks_make_ids_of_their_own() -> None:
    with get_context("fork").Pool(2) as pool:
        made = [one for ids in pool.starmap(_made, [()] * 2, chunksize=1) for one in ids]
    made += _made()
    assert len(set(made)) == len(made)
