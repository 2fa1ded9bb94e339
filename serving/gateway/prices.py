"""The cost of a call: the operator's prices first, then the published ones of the `genai-prices` package."""

import ipaddress
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from urllib.parse import urlsplit

from genai_prices import Usage, calc_price
from genai_prices.types import PriceCalculation

from guard_core.settings import Price
from guard_core.units import NANO
from guard_store.spending.amounts import Amount

_MILLION = 1_000_000
_MAX_WARNED_MODELS = 1_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Rates:
    """The exact price of one token, in units of which `scale` make a billionth of a dollar."""

    input: int
    cached: int
    cache_write: int
    output: int
    scale: int

    @classmethod
    def of(cls, price: Price) -> "_Rates":
        of_cache = (price.input if rate is None else rate for rate in (price.cached, price.cache_write))
        dollars = (price.input, *of_cache, price.output)
        rates = [Fraction(str(rate)) * NANO / _MILLION for rate in dollars]
        scale = math.lcm(*(rate.denominator for rate in rates))
        fresh, cached, cache_write, output = (int(rate * scale) for rate in rates)
        return cls(fresh, cached, cache_write, output, scale)

    def cost(self, usage: Amount) -> int:
        fresh = usage.tokens_in - usage.tokens_cached - usage.tokens_cache_write
        of_cache = self.cached * usage.tokens_cached + self.cache_write * usage.tokens_cache_write
        units = self.input * fresh + of_cache + self.output * usage.tokens_out
        return (units + self.scale // 2) // self.scale


class Prices:
    """Prices of models.

    Parameters
    ----------
    prices : by model; they override published prices.
    provider : id in `genai-prices` whose published prices apply at servers of no known provider.
    """

    def __init__(self, prices: Mapping[str, Price], provider: str | None = None) -> None:
        self._prices = {model: _Rates.of(price) for model, price in prices.items()}
        self._provider = provider
        self._unknown: set[tuple[str, str]] = set()

    def cost_nano_usd(self, model: str, base_url: str, usage: Amount) -> int | None:
        """Return the cost in billionths of a dollar, rounded to the nearest; log a warning and return None if the price is unknown."""
        price = self._prices.get(model)
        if price is not None:
            return price.cost(usage)
        if (model, base_url) in self._unknown:
            return None
        tokens = Usage(
            input_tokens=usage.tokens_in,
            cache_read_tokens=usage.tokens_cached,
            cache_write_tokens=usage.tokens_cache_write,
            output_tokens=usage.tokens_out,
        )
        published = self._published_price(tokens, model, base_url)
        if published is None:
            self._warn(tokens, model, base_url)
            return None
        return _nano(published.total_price)

    def _published_price(self, tokens: Usage, model: str, base_url: str) -> PriceCalculation | None:
        """Return the price at the server's own provider, else at the one of the settings, else, for a gateway on the internet, at any."""
        price = _look_up(tokens, model, base_url=base_url)
        if price is None and self._provider is not None:
            price = _look_up(tokens, model, provider=self._provider)
        if price is None and not _is_local(base_url):
            price = _look_up(tokens, model)
        return price

    def _warn(self, tokens: Usage, model: str, base_url: str) -> None:
        if len(self._unknown) >= _MAX_WARNED_MODELS:  # callers choose the names of models
            return
        self._unknown.add((model, base_url))
        published = _look_up(tokens, model)
        cure = "set it in ML_GUARD_LLM_PRICES"
        if published is not None:
            provider = published.provider.id
            cure = f"ML_GUARD_LLM_PRICES_AS={provider} applies the published price of {provider}, ML_GUARD_LLM_PRICES any other"
        _log.warning("the price of model %.100r at %s is unknown, so its cost is null: %s", model, base_url, cure)


def _look_up(
    tokens: Usage, model: str, *, base_url: str | None = None, provider: str | None = None
) -> PriceCalculation | None:
    """Return the published price of a model, at any provider unless one is given; None if there is none."""
    try:
        if base_url is not None:
            return calc_price(tokens, model, provider_api_url=base_url)
        return calc_price(tokens, model, provider_id=provider)
    except LookupError:
        return None


def _nano(dollars: Decimal) -> int:
    return int((dollars * NANO).to_integral_value(ROUND_HALF_UP))


def _is_local(base_url: str) -> bool:
    """Return whether a server is on a private network: published prices of a model of the same name do not apply then."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))
