"""Values that the database gave are used further while it fails or hangs, for a bounded time."""

import asyncio
import threading
import time
from collections.abc import Collection

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from guard_store.db.last_known import LastKnown

DOWN = OperationalError("SELECT", {}, Exception("connection refused"))


class Source:
    """What a look-up reads: values by key, an error in place of them, or nothing as long as it hangs."""

    def __init__(self, **values: int) -> None:
        self.values = values
        self.error: Exception | None = None
        self.answers = threading.Event()
        self.answers.set()
        self.look_ups: list[tuple[str, ...]] = []

    def look_up(self, keys: Collection[str]) -> dict[str, int]:
        self.look_ups.append(tuple(keys))
        assert self.answers.wait(30)
        if self.error is not None:
            raise self.error
        return {key: self.values[key] for key in keys if key in self.values}


def known_of(source: Source, *, ttl_s: float = 0.02, outage_s: float = 60) -> LastKnown[str, int]:
    return LastKnown(source.look_up, ttl_s=ttl_s, outage_s=outage_s, what="numbers")


async def expire() -> None:
    await asyncio.sleep(0.03)


async def test_values_are_looked_up_again_after_their_time_and_gone_ones_are_left_out() -> None:
    source = Source(a=1, b=2)
    known = known_of(source)
    assert await known.find(["a", "b", "c"]) == {"a": 1, "b": 2}
    source.values = {"a": 3}
    await expire()
    assert await known.find(["a", "b"]) == {"a": 3}
    assert known.get("b") is None
    assert known.silent_s is None


async def test_callers_of_one_key_share_a_look_up() -> None:
    source = Source(a=1)
    known = known_of(source)
    assert await asyncio.gather(*(known.find(["a"]) for _ in range(50))) == [{"a": 1}] * 50
    assert source.look_ups == [("a",)]


async def test_known_values_are_used_while_the_database_fails_and_it_is_asked_rarely() -> None:
    source = Source(a=1)
    known = known_of(source)
    await known.find(["a"])
    source.error = DOWN
    await expire()
    for _ in range(100):
        assert await known.find(["a"]) == {"a": 1}
    assert len(source.look_ups) == 2
    assert known.silent_s is not None
    with pytest.raises(OperationalError):
        await known.find(["b"])


async def test_known_values_are_used_while_the_database_hangs_and_only_the_first_caller_waits() -> None:
    source = Source(a=1)
    known = known_of(source)
    await known.find(["a"])
    source.answers.clear()
    await expire()
    started = time.monotonic()
    for _ in range(100):
        assert await known.find(["a"]) == {"a": 1}
    assert time.monotonic() - started < 2
    source.answers.set()
    await asyncio.sleep(1.1)  # after which the database is asked again
    source.values = {"a": 2}
    await expire()
    assert await known.find(["a"]) == {"a": 2}
    assert known.silent_s is None


async def test_a_value_that_is_not_known_is_an_error_after_a_bounded_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guard_store.db.last_known._TIMEOUT_S", 0.05)
    source = Source(a=1)
    known = known_of(source)
    source.answers.clear()
    for i in range(15):
        outcomes = await asyncio.gather(*(known.find([f"k{i}.{n}"]) for n in range(5)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {NoConnectionError}
    assert len(source.look_ups) <= 9, "hanging look-ups do not pile up"
    source.answers.set()
    await asyncio.sleep(0.1)
    assert await known.find(["a"]) == {"a": 1}


async def test_many_new_keys_at_once_share_two_look_ups() -> None:
    source = Source(**{f"k{n}": n for n in range(50)})
    known = known_of(source)
    found = await asyncio.gather(*(known.find([f"k{n}"]) for n in range(50)))
    assert found == [{f"k{n}": n} for n in range(50)]
    assert len(source.look_ups) == 2


async def test_a_look_up_refreshes_other_values_that_have_expired() -> None:
    source = Source(a=1, b=2)
    known = known_of(source)
    await known.find(["a", "b"])
    await expire()
    source.values = {"a": 1}  # b is revoked elsewhere
    await known.find(["a"])
    source.error = DOWN
    await expire()
    assert await known.find(["a"]) == {"a": 1}
    with pytest.raises(OperationalError):
        await known.find(["b"])


async def test_a_value_that_was_confirmed_long_before_the_outage_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guard_store.db.last_known._CONFIRMED_S", 0.1)
    source = Source(a=1)
    known = known_of(source)
    await known.find(["a"])
    await asyncio.sleep(0.2)
    source.error = DOWN
    with pytest.raises(OperationalError):
        await known.find(["a"])


async def test_a_value_that_is_forgotten_while_it_is_looked_up_is_looked_up_again() -> None:
    source = Source(a=1)
    known = known_of(source, ttl_s=60)
    source.answers.clear()
    looking = asyncio.create_task(known.find(["a"]))
    await asyncio.sleep(0.02)
    known.forget(lambda _: True)  # revoked after it was read
    source.answers.set()
    await looking
    assert known.get("a") is None


async def test_slow_answers_are_no_silence() -> None:
    source = Source(a=1)
    known = known_of(source)
    await known.find(["a"])
    source.answers.clear()
    await expire()
    assert await known.find(["a"]) == {"a": 1}
    assert known.silent_s is not None
    source.answers.set()
    await asyncio.sleep(0.05)
    assert known.silent_s is None


async def test_a_value_is_too_old_after_the_longest_outage() -> None:
    source = Source(a=1)
    known = known_of(source, outage_s=0.1)
    await known.find(["a"])
    source.error = DOWN
    await expire()
    assert await known.find(["a"]) == {"a": 1}
    await asyncio.sleep(0.15)
    with pytest.raises(OperationalError):
        await known.find(["a"])


async def test_other_errors_than_those_of_the_database_reach_the_caller() -> None:
    source = Source(a=1)
    known = known_of(source)
    await known.find(["a"])
    source.error = ValueError("several projects")
    await expire()
    with pytest.raises(ValueError, match="several"):
        await known.find(["a"])
    assert known.silent_s is None


async def test_a_forgotten_value_is_looked_up_again() -> None:
    source = Source(a=1)
    known = known_of(source, ttl_s=60)
    await known.find(["a"])
    source.values = {"a": 2}
    known.forget(lambda value: value == 1)
    assert await known.find(["a"]) == {"a": 2}
