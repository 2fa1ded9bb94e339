"""Latencies of calls of language models: counts by bucket, which add up over any days, and percentiles of them.

Each bucket ends at 2^(1/4) times its beginning, so that a percentile is within 19 % of the exact one.
"""

import math
from collections.abc import Mapping
from typing import Final

_BUCKETS_PER_DOUBLING: Final = 4
_LAST_BUCKET: Final = 95  # begins at 3.9 hours


def bucket_of(latency_ms: float) -> int:
    """Return the bucket of a latency: bucket `b` begins at 2^(b/4) milliseconds, the first one at zero.

    >>> [bucket_of(ms) for ms in (0, 0.4, 1, 1.2, 1000)]
    [0, 0, 0, 1, 39]
    """
    if latency_ms < 1:
        return 0
    return min(math.floor(_BUCKETS_PER_DOUBLING * math.log2(latency_ms)), _LAST_BUCKET)


def percentile_ms(calls: Mapping[int, int], share: float) -> float | None:
    """Return a percentile in milliseconds; None without calls.

    Parameters
    ----------
    calls : number of calls by bucket.
    share : between 0 and 1, such as 0.95; within its bucket, latencies are taken to be spread evenly on a scale of logarithms.

    >>> round(percentile_ms({39: 50, 43: 50}, 0.5)), round(percentile_ms({39: 50, 43: 50}, 0.95))
    (1024, 2013)
    """
    rank = share * sum(calls.values())
    below = 0
    for bucket, count in sorted(calls.items()):
        if count and below + count >= rank:
            return float(2 ** ((bucket + (rank - below) / count) / _BUCKETS_PER_DOUBLING))
        below += count
    return None
