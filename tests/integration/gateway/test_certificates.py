"""Certificates change under a gateway that runs: towards services and towards the world, and no call is lost."""

from __future__ import annotations

import signal
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from shodhana.stack.certificates.edge import EdgeCertificates
from shodhana.stack.certificates.mesh import MeshCertificates
from shodhana.stack.gateway_config import UpstreamTls

from .conftest import Gateway, wait_for

Start = Callable[..., AbstractContextManager[Gateway]]
MODELS = "/v1/embeddings/models"
TAKEN = r"cluster\.embedding\.client_ssl_socket_factory\.ssl_context_update_by_sds"


@dataclass(frozen=True)
class Secured:
    """A gateway whose certificates, and those of the service behind it, are of two authorities."""

    gateway: Gateway
    mesh: MeshCertificates
    edge: EdgeCertificates

    def taken(self) -> int:
        """How often Envoy has made itself a context out of new files, for calls to the service."""
        return next(iter(self.gateway.statistics(TAKEN).values()), 0)

    def start_anew(self) -> None:
        """Every replica, one after the other, so that each is connected to again."""
        for replica in self.gateway.replicas:
            replica.process.send_signal(signal.SIGUSR1)  # it serves no longer, and says so
            self.gateway.wait_until_healthy(1)
            replica.kill()
            replica.start()
            self.gateway.wait_until_healthy(2)


@pytest.fixture
def secured(start_gateway: Start, tmp_path: Path) -> Iterator[Secured]:
    mesh, edge = MeshCertificates(tmp_path / "mesh", ("embedding", "gateway")), EdgeCertificates(tmp_path / "edge")
    mesh.ensure()
    edge.ensure()
    ours = UpstreamTls(*(mesh.of("gateway") / name for name in ("ca.crt", "tls.crt", "tls.key")))
    shown = {"certificate": edge.server, "private_key": edge.server_key, "trusted": edge.authority}
    with start_gateway(tls=mesh.of("embedding"), only=("embedding",), upstream_tls=ours, **shown) as gateway:
        yield Secured(gateway, mesh, edge)


@contextmanager
def calls(gateway: Gateway) -> Iterator[Counter[int]]:
    """Calls without pause while the block runs; how they ended, by status (0: not at all)."""
    ended, outcomes = threading.Event(), Counter[int]()

    def call() -> None:
        with gateway.client() as client:
            while not ended.is_set():
                try:
                    outcomes[client.get(MODELS).status_code] += 1
                except httpx.HTTPError:
                    outcomes[0] += 1

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        yield outcomes
    finally:
        ended.set()
        for caller in callers:
            caller.join(30)


def test_trap_7_mutual_tls_with_the_services_is_tls_1_3(secured: Secured) -> None:
    with secured.gateway.client() as client:
        assert client.get(MODELS).status_code == 200
    versions = secured.gateway.statistics(r"cluster\.embedding\.ssl\.versions")
    assert set(versions) == {"cluster.embedding.ssl.versions.TLSv1.3"}


def test_no_call_is_lost_while_an_authority_takes_the_others_place(secured: Secured) -> None:
    steps = [secured.taken()]

    def pause() -> None:
        """Until Envoy has taken what this step changed: either the certificate or the authorities."""
        wait_for(lambda: secured.taken() > steps[-1])
        steps.append(secured.taken())

    with calls(secured.gateway) as outcomes:
        secured.mesh.rotate_authority(pause)
        pause()
        secured.start_anew()
    assert set(outcomes) == {200}
    assert outcomes[200] > 100


def test_a_service_with_anothers_certificate_is_not_called(secured: Secured, tmp_path: Path) -> None:
    impostor = MeshCertificates(secured.mesh.folder, ("quality",))
    impostor.ensure()
    for replica in secured.gateway.replicas:
        replica.kill()
        replica.tls = impostor.of("quality")
        replica.start()
    wait_for(lambda: secured.gateway.statistics(r"cluster\.embedding\.ssl\.fail_verify_san").popitem()[1] > 0)
    with secured.gateway.client() as client:
        assert client.get(MODELS).status_code == 503


def test_the_world_is_shown_another_certificate_without_a_restart(secured: Secured) -> None:
    host, _, port = secured.gateway.parameters.listen.rpartition(":")

    def shown() -> str:
        return ssl.get_server_certificate((host, int(port)), ca_certs=str(secured.edge.authority))

    before = shown()
    with calls(secured.gateway) as outcomes:
        secured.edge.rotate()
        wait_for(lambda: shown() != before)
    assert shown() == secured.edge.server.read_text()
    assert set(outcomes) == {200}
