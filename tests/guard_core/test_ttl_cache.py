"""The cache with a time to live: expiry to the instant, the bound, and use by several threads."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from guard_core.ttl_cache import TtlCache


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that a test sets."""
    now = [100.0]
    monkeypatch.setattr("guard_core.ttl_cache.time.monotonic", lambda: now[0])
    return now


def test_a_value_is_found_until_its_time_to_live_is_over(clock: list[float]) -> None:
    cache: TtlCache[str, int] = TtlCache(5)
    cache.put("a", 1)
    clock[0] = 104.999
    assert cache.get("a") == 1
    clock[0] = 105
    assert cache.get("a") is None
    assert cache.get("a", 7) == 7


def test_an_instant_of_the_caller_counts_instead_of_the_time_to_live(clock: list[float]) -> None:
    cache: TtlCache[str, int] = TtlCache(5)
    cache.put("a", 1, expires_at=102)
    clock[0] = 102
    assert cache.get("a") is None


def test_with_zero_seconds_nothing_is_found(clock: list[float]) -> None:
    cache: TtlCache[str, int] = TtlCache(0)
    cache.put("a", 1)
    assert clock == [100.0]
    assert cache.get("a") is None


def test_an_expired_value_is_still_there_for_those_who_ask_for_the_entry(clock: list[float]) -> None:
    cache: TtlCache[str, int] = TtlCache(5)
    cache.put("a", 1)
    clock[0] = 200
    assert cache.entry("a") == (105, 1)
    assert cache.entry("b") is None


def test_the_entry_that_was_put_longest_ago_makes_room() -> None:
    cache: TtlCache[str, int] = TtlCache(60, max_entries=2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.put("a", 3)
    cache.put("c", 4)
    assert [cache.get(key) for key in "abc"] == [3, None, 4]


def test_keys_and_stale_values_are_forgotten() -> None:
    cache: TtlCache[str, int] = TtlCache(60)
    for key, value in zip("abc", (1, 2, 2), strict=True):
        cache.put(key, value)
    cache.discard("a")
    cache.discard("not there")
    cache.discard_values(lambda value: value == 2)
    assert [cache.get(key) for key in "abc"] == [None, None, None]


def test_threads_share_it_and_its_bound_holds() -> None:
    cache: TtlCache[int, int] = TtlCache(60, max_entries=50)

    def fill(first: int) -> None:
        for key in range(first, first + 2_000):
            cache.put(key, key)
            cache.get(key - 3)
            if key % 100 == 0:
                cache.discard_values(lambda value: value % 7 == 0)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(fill, range(0, 8_000, 1_000)))
    assert len([key for key in range(9_000) if cache.entry(key) is not None]) <= 50
