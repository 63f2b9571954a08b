"""Within the mesh nobody is answered without its authority's certificate, and another takes its place unnoticed."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from .conftest import Mesh, wait_for

PATIENCE_S = 60
SEARCH = {"query": "bakti", "options": {"limit": 3}}


def ask(channel: grpc.Channel) -> None:
    health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)


def test_no_service_answers_without_a_certificate_of_the_mesh(mesh: Mesh) -> None:
    edge = grpc.ssl_channel_credentials(mesh.profile.ca_certificate.read_bytes())
    for part in (part for name in ("identity", "similarity", "review") for part in mesh.parts(name)):
        address = f"127.0.0.1:{part['port']}"
        for channel in (grpc.insecure_channel(address), grpc.secure_channel(address, edge)):
            with channel, pytest.raises(grpc.RpcError) as refused:
                ask(channel)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_no_call_is_lost_while_the_authority_changes_and_services_start_under_the_new_one(mesh: Mesh) -> None:
    ended, outcomes = threading.Event(), Counter[int]()

    def call() -> None:
        with mesh.rest() as client:
            while not ended.is_set():
                try:
                    outcomes[client.post("/v1/terms:search", json=SEARCH).status_code] += 1
                except httpx.HTTPError:
                    outcomes[0] += 1

    mesh.token()
    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        said = mesh.tool("certificates", "rotate", "--authority", "--dir", mesh.directory).stdout
    finally:
        ended.set()
        for caller in callers:
            caller.join(PATIENCE_S)
    assert "trusted no longer" in said
    assert set(outcomes) == {200}
    assert outcomes[200] > 100
    restarts = {part["name"]: part["restarts"] for part in mesh.parts("quality")}
    os.kill(mesh.pids("quality")[0], signal.SIGKILL)
    wait_for(
        lambda: any(part["restarts"] > restarts[part["name"]] for part in mesh.parts("quality")), PATIENCE_S, "end"
    )
    wait_for(mesh.is_healthy, PATIENCE_S, "a service that starts under the new authority")
    with mesh.rest() as client:
        assert client.post("/v1/terms:search", json=SEARCH).status_code == 200
