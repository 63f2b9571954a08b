#!/opt/venv/bin/python
"""Exits with 0 where the container's service says that it is ready, or its worker has said so once.

It asks at HEALTH_ADDRESS: where the service listens, only those are answered who have a certificate.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

TIMEOUT_S = 3.0


def main() -> int:
    if ready := os.environ.get("WORKER_READY_PATH"):
        return 0 if Path(ready).exists() else 1
    address = os.environ["HEALTH_ADDRESS"].replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - where it listens, not where we do
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
        except grpc.RpcError:
            return 1
    return 0 if answer.status == health_pb2.HealthCheckResponse.SERVING else 1


if __name__ == "__main__":
    sys.exit(main())
