"""Costs of calls: exact where the operator says the price, to the nearest billionth of a dollar."""

import pytest

from guard_core.settings import Price
from guard_store.spending.amounts import Amount
from serving.gateway.prices import Prices

NOWHERE = "http://127.0.0.1:9/v1"


def cost(price: Price, tokens_in: int, tokens_cached: int, tokens_out: int) -> int | None:
    took = Amount(tokens_in=tokens_in, tokens_cached=tokens_cached, tokens_out=tokens_out)
    return Prices({"m": price}).cost_nano_usd("m", NOWHERE, took)


@pytest.mark.parametrize(
    ("price", "tokens", "nano_usd"),
    [
        (Price(input=3, output=15, cached=0.3), (1_000, 400, 10), 600 * 3_000 + 400 * 300 + 10 * 15_000),
        (Price(input=3, output=15), (1_000, 400, 10), 1_000 * 3_000 + 10 * 15_000),
        (Price(input=0.15, output=0.6), (7, 0, 1), 7 * 150 + 600),
        (Price(input=0.0001, output=0), (4, 0, 0), 0),
        (Price(input=0.0001, output=0), (5, 0, 0), 1),
        (Price(input=1e-7, output=0.0002), (2**40, 0, 3), 109_951_163),
        (Price(input=0, output=0), (9, 9, 9), 0),
    ],
)
def test_a_cost_is_exact(price: Price, tokens: tuple[int, int, int], nano_usd: int) -> None:
    assert cost(price, *tokens) == nano_usd


def test_tokens_written_to_the_cache_have_a_price_of_their_own() -> None:
    usage = Amount(tokens_in=100, tokens_cached=10, tokens_cache_write=40, tokens_out=1)
    assert [
        Prices({"m": price}).cost_nano_usd("m", NOWHERE, usage)
        for price in (Price(input=4, cached=1, cache_write=5), Price(input=4, cached=1), Price(input=4))
    ] == [50 * 4_000 + 10 * 1_000 + 40 * 5_000, 90 * 4_000 + 10 * 1_000, 100 * 4_000]


@pytest.mark.parametrize(("writes", "cost"), [(0, 60_150_000), (20_000, 75_150_000)])
def test_published_prices_count_them_too(writes: int, cost: int) -> None:
    usage = Amount(tokens_in=20_010, tokens_cache_write=writes, tokens_out=8)
    assert Prices({}).cost_nano_usd("claude-sonnet-4-5", "https://api.anthropic.com", usage) == cost


def test_what_has_no_price_costs_null_and_never_nothing(caplog: pytest.LogCaptureFixture) -> None:
    prices = Prices({"m": Price(input=1)})
    took = Amount(tokens_in=1)
    assert [prices.cost_nano_usd("nobody", NOWHERE, took) for _ in range(2)] == [None, None]
    assert len([record for record in caplog.records if "'nobody'" in record.message]) == 1


def test_published_prices_of_the_configured_provider_apply_behind_any_host() -> None:
    usage = Amount(tokens_in=1_000, tokens_out=100)
    expected = 1_000 * 150 + 100 * 600
    prices = Prices({}, "openai")
    assert prices.cost_nano_usd("gpt-4o-mini", NOWHERE, usage) == expected
    assert prices.cost_nano_usd("gpt-4o-mini", "http://proxy.internal/v1", usage) == expected
    assert prices.cost_nano_usd("gpt-4o-mini", "https://api.openai.com/v1", usage) == expected
    assert prices.cost_nano_usd("nobody", NOWHERE, usage) is None


def test_the_provider_of_a_known_host_precedes_the_configured_one() -> None:
    usage = Amount(tokens_in=1_000_000)
    at_groq = Prices({}).cost_nano_usd("llama-3.3-70b-versatile", "https://api.groq.com/openai/v1", usage)
    assert at_groq is not None
    prices = Prices({}, "openai")
    assert prices.cost_nano_usd("llama-3.3-70b-versatile", "https://api.groq.com/openai/v1", usage) == at_groq


def test_the_warning_of_an_unknown_price_names_the_provider_to_configure(caplog: pytest.LogCaptureFixture) -> None:
    prices = Prices({})
    assert [prices.cost_nano_usd("gpt-4o-mini", NOWHERE, Amount(tokens_in=1)) for _ in range(2)] == [None, None]
    (warning,) = [record.message for record in caplog.records]
    assert "ML_GUARD_LLM_PRICES_AS=openai" in warning
    assert NOWHERE in warning
