#!/usr/bin/env python3
"""Health check inside our containers: `healthcheck http://host:port/path` or `healthcheck grpc://host:port/Service`.

Exits 0 when the answer is good, else 1 with the reason. Each service decides what "healthy" means.
"""

import sys
import urllib.request
from urllib.parse import urlsplit

TIMEOUT_S = 8.0


def check_http(url: str) -> None:
    """Accept any status below 400; raise for everything else."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_S):  # noqa: S310 (the scheme is checked by main)
        pass


def check_grpc(address: str, service: str) -> None:
    """Check with the gRPC health protocol: a tenth of the cost of `dagster api grpc-health-check`, which loads Dagster."""
    import grpc  # type: ignore[import-untyped]
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

    with grpc.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=TIMEOUT_S)
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise ConnectionError(f"{service} is not serving")


def main(url: str) -> None:
    """Check one URL."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "http":
            check_http(url)
        elif parts.scheme == "grpc":
            check_grpc(parts.netloc, parts.path.lstrip("/"))
        else:
            sys.exit(f"{url}: the scheme must be http or grpc")
    except Exception as error:  # noqa: BLE001 (the only caller reads the exit code and one line)
        sys.exit(f"{url}: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
