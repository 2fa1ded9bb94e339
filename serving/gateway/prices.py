"""What a call costs: the operator's prices first, then the published ones of the `genai-prices` package."""

import ipaddress
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from urllib.parse import urlsplit

from genai_prices import Usage, calc_price

from guard_core.settings import Price
from guard_core.units import NANO
from guard_store.spending.amounts import Amount

_MILLION = 1_000_000
_WARNED_MOST = 1_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Rates:
    """What a token costs, exactly: in units of which `scale` are a billionth of a dollar."""

    input: int
    cached: int
    output: int
    scale: int

    @classmethod
    def of(cls, price: Price) -> "_Rates":
        dollars = (price.input, price.input if price.cached is None else price.cached, price.output)
        rates = [Fraction(str(rate)) * NANO / _MILLION for rate in dollars]
        scale = math.lcm(*(rate.denominator for rate in rates))
        fresh, cached, output = (int(rate * scale) for rate in rates)
        return cls(fresh, cached, output, scale)

    def cost(self, took: Amount) -> int:
        fresh = took.tokens_in - took.tokens_cached
        units = self.input * fresh + self.cached * took.tokens_cached + self.output * took.tokens_out
        return (units + self.scale // 2) // self.scale


class Prices:
    """Prices of models.

    Parameters
    ----------
    own : by model, over what is published.
    """

    def __init__(self, own: Mapping[str, Price]) -> None:
        self._own = {model: _Rates.of(price) for model, price in own.items()}
        self._unknown: set[tuple[str, str]] = set()

    def cost_nano_usd(self, model: str, base_url: str, took: Amount) -> int | None:
        """Billionths of a dollar, to the nearest; None, with a warning in the log, where the price is not known."""
        price = self._own.get(model)
        if price is not None:
            return price.cost(took)
        if (model, base_url) in self._unknown:
            return None
        usage = Usage(input_tokens=took.tokens_in, cache_read_tokens=took.tokens_cached, output_tokens=took.tokens_out)
        dollars: Decimal | None
        try:
            dollars = calc_price(usage, model, provider_api_url=base_url).total_price
        except LookupError:
            dollars = None if _is_local(base_url) else _by_name(usage, model)
        if dollars is None:
            self._warn(model, base_url)
            return None
        return _nano(dollars)

    def _warn(self, model: str, base_url: str) -> None:
        if len(self._unknown) < _WARNED_MOST:  # callers choose the names
            self._unknown.add((model, base_url))
            _log.warning(
                "the price of model %.100r is not known, its cost is null: set it in ML_GUARD_LLM_PRICES", model
            )


def _by_name(usage: Usage, model: str) -> Decimal | None:
    """The price of a model of this name, at whichever provider: for gateways that pass on what others charge."""
    try:
        return calc_price(usage, model).total_price
    except LookupError:
        return None


def _nano(dollars: Decimal) -> int:
    return int((dollars * NANO).to_integral_value(ROUND_HALF_UP))


def _is_local(base_url: str) -> bool:
    """Whether a server is one's own: what others charge for a model of the same name is not its price then."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))
