"""Mutual TLS between services: who is refused, and that certificates change under calls without one being lost."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from shodhana.api.similarity.v1 import similarity_pb2, similarity_pb2_grpc
from shodhana.identity.web.application import serving
from shodhana.runtime import certificate_files, metrics
from shodhana.runtime.certificate_files import CertificateFiles, CertificatesUnusable
from shodhana.runtime.channels import MeshChannel
from shodhana.runtime.replicas import Replicas
from shodhana.runtime.wires import MutualTls, PlainWire, Wire, wire_of
from shodhana.stack.certificates.edge import EdgeCertificates
from shodhana.stack.certificates.mesh import MeshCertificates
from shodhana.stack.ports import free_port
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

NAMES = ("similarity", "review", "identity")
Serve = Callable[..., Awaitable[Any]]


@pytest.fixture
def certificates(tmp_path: Path) -> MeshCertificates:
    made = MeshCertificates(tmp_path / "mesh", NAMES)
    made.ensure()
    return made


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> float:
    """Files are looked at so often, which keeps the tests short."""
    monkeypatch.setattr(certificate_files, "GLANCE_S", 0.05)
    return 0.1


@asynccontextmanager
async def calling(served: Any, wire: Wire, service: str = "similarity") -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """Calls a server as the mesh does, by a name that its certificate may or may not have."""
    channel: Any = MeshChannel(service, Replicas(service, [served.target], wire=wire))
    stub = similarity_pb2_grpc.SimilarityServiceStub(channel)

    async def call() -> Any:
        return await stub.Search(similarity_pb2.SearchRequest(query="bakti"), metadata=served.metadata(), timeout=20)

    yield call
    await channel.close()


async def refusal(call: Callable[[], Awaitable[Any]]) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    return str(caught.value.details())


async def test_a_service_of_the_mesh_is_answered(serve: Serve, certificates: MeshCertificates) -> None:
    served = await serve(mesh_tls_path=certificates.of("similarity"))
    async with calling(served, wire_of(certificates.of("review"))) as call:
        await call()


async def test_a_caller_without_tls_is_refused(serve: Serve, certificates: MeshCertificates) -> None:
    served = await serve(mesh_tls_path=certificates.of("similarity"))
    async with calling(served, PlainWire()) as call:
        await refusal(call)


async def test_a_caller_without_a_certificate_is_refused(serve: Serve, certificates: MeshCertificates) -> None:
    served = await serve(mesh_tls_path=certificates.of("similarity"))
    trusting = grpc.ssl_channel_credentials((certificates.of("review") / "ca.crt").read_bytes())
    named = [("grpc.ssl_target_name_override", "similarity")]
    async with grpc.aio.secure_channel(served.target, trusting, options=named) as channel:
        await refusal(lambda: health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20))


@pytest.mark.parametrize("ours", ["another mesh", "the edge"])
async def test_a_certificate_of_another_authority_is_refused(
    serve: Serve, certificates: MeshCertificates, tmp_path: Path, ours: str
) -> None:
    served = await serve(mesh_tls_path=certificates.of("similarity"))
    shown = tmp_path / "shown"
    shown.mkdir()
    other, edge = MeshCertificates(tmp_path / "other", NAMES), EdgeCertificates(tmp_path / "edge")
    other.ensure()
    edge.ensure()
    pairs = {
        "another mesh": (other.of("review") / "tls.crt", other.of("review") / "tls.key"),
        "the edge": (edge.server, edge.server_key),
    }
    (shown / "tls.crt").write_bytes(pairs[ours][0].read_bytes())
    (shown / "tls.key").write_bytes(pairs[ours][1].read_bytes())
    (shown / "ca.crt").write_bytes((certificates.of("review") / "ca.crt").read_bytes())
    async with calling(served, wire_of(shown)) as call:
        await refusal(call)


@pytest.mark.parametrize("whose", ["review", "similarity"])
async def test_an_expired_certificate_is_refused(serve: Serve, certificates: MeshCertificates, whose: str) -> None:
    MeshCertificates(certificates.folder, (whose,)).rotate(datetime.now(UTC) - timedelta(days=31))
    served = await serve(mesh_tls_path=certificates.of("similarity"))
    async with calling(served, wire_of(certificates.of("review"))) as call:
        await refusal(call)


async def test_a_server_that_is_another_service_is_not_called(serve: Serve, certificates: MeshCertificates) -> None:
    served = await serve(mesh_tls_path=certificates.of("similarity"))
    async with calling(served, wire_of(certificates.of("review")), "identity") as call:
        assert "Hostname Verification" in await refusal(call)
    assert served.script.calls == []


@pytest.mark.parametrize("what", ["certificates", "the authority"])
async def test_no_call_fails_while_they_change(
    serve: Serve, certificates: MeshCertificates, often: float, what: str
) -> None:
    served = await serve(mesh_tls_path=certificates.of("similarity"))
    shown_before = certificates.read("similarity").certificate
    done, changed = 0, asyncio.Event()

    async with calling(served, wire_of(certificates.of("review"))) as call:

        async def caller() -> None:
            nonlocal done
            while not changed.is_set():
                await call()
                done += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(caller())
            loop = asyncio.get_running_loop()

            def pause() -> None:
                """Until a good number of calls were made after everybody looked."""
                asyncio.run_coroutine_threadsafe(asyncio.sleep(2 * often), loop).result()
                asyncio.run_coroutine_threadsafe(until_more(), loop).result()

            async def until_more() -> None:
                enough = done + 50
                while done < enough:  # noqa: ASYNC110 - what is waited for has no event
                    await asyncio.sleep(0.005)

            await until_more()
            if what == "certificates":
                await asyncio.to_thread(certificates.rotate)
            else:
                await asyncio.to_thread(certificates.rotate_authority, pause)
            await asyncio.to_thread(pause)
            changed.set()
    shown = await peer_certificate(served.target, certificates)
    assert shown == certificates.read("similarity").certificate_pem().decode()
    assert certificates.read("similarity").certificate != shown_before
    assert done >= 100


async def peer_certificate(target: str, certificates: MeshCertificates) -> str:
    """What the server shows to whoever connects now."""
    context = ssl.create_default_context(cafile=str(certificates.of("review") / "ca.crt"))
    context.load_cert_chain(certificates.of("review") / "tls.crt", certificates.of("review") / "tls.key")
    context.set_alpn_protocols(["h2"])
    host, _, port = target.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname="similarity")
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return ssl.DER_cert_to_PEM_cert(shown)


async def test_a_call_in_flight_ends_on_the_connection_it_has(
    serve: Serve, certificates: MeshCertificates, often: float
) -> None:
    served = await serve(mesh_tls_path=certificates.of("similarity"))
    begun, released = asyncio.Event(), asyncio.Event()

    async def search(request: Any, context: Any) -> similarity_pb2.SearchResponse:
        if len(served.script.calls) == 1:
            begun.set()
            await released.wait()
        return similarity_pb2.SearchResponse()

    served.script.search = search
    async with calling(served, wire_of(certificates.of("review"))) as call:
        slow = asyncio.create_task(call())
        await begun.wait()
        certificates.rotate()
        await asyncio.sleep(2 * often)
        await call()
        released.set()
        await slow


async def test_the_old_authority_is_refused_when_another_has_its_place(
    serve: Serve, certificates: MeshCertificates, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    for name in ("tls.crt", "tls.key"):
        (kept / name).write_bytes((certificates.of("review") / name).read_bytes())
    served = await serve(mesh_tls_path=certificates.of("similarity"))
    certificates.rotate_authority(lambda: None)
    (kept / "ca.crt").write_bytes((certificates.of("review") / "ca.crt").read_bytes())
    async with calling(served, wire_of(kept)) as call:
        await refusal(call)


async def test_health_alone_is_told_without_a_certificate(serve: Serve, certificates: MeshCertificates) -> None:
    address = f"127.0.0.1:{free_port()}"
    served = await serve(mesh_tls_path=certificates.of("similarity"), health_address=address)
    async with grpc.aio.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service="alive")
        assert (await health_pb2_grpc.HealthStub(channel).Check(request, timeout=20)).status == 1
        stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Search(similarity_pb2.SearchRequest(query="bakti"), metadata=served.metadata(), timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_files_that_do_not_fit_leave_what_was_known(certificates: MeshCertificates, logs: list[Any]) -> None:
    files = CertificateFiles(certificates.of("review"))
    before = files.look()
    (certificates.of("review") / "tls.key").unlink()
    assert files.look() == before
    (certificates.of("review") / "tls.key").write_bytes(certificates.read("similarity").key_pem())
    assert files.look() == before
    assert {line["event"] for line in logs} == {"certificates_unusable"}
    certificates.rotate()
    assert files.look().version == before.version + 1


def test_the_end_of_a_certificate_is_told_as_it_is_when_asked(certificates: MeshCertificates) -> None:
    MeshCertificates(certificates.folder, ("review",)).rotate(datetime.now(UTC) - timedelta(days=29))
    wire = wire_of(certificates.of("review"))
    assert days_left() == pytest.approx(1, abs=0.1)
    certificates.rotate()
    assert days_left() == pytest.approx(30, abs=0.1)
    assert wire.version() == 1


def days_left() -> float:
    (metric,) = metrics.CERTIFICATE_ENDS.collect()
    return (metric.samples[0].value - time.time()) / 86400


def test_a_folder_without_certificates_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(CertificatesUnusable):
        wire_of(tmp_path)


async def test_pages_follow_the_files_too(certificates: MeshCertificates, tmp_path: Path) -> None:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("ok")(scope, receive, send)

    tls = MutualTls(CertificateFiles(certificates.of("identity"))).context()
    review, former = certificates.of("review"), tmp_path / "former"
    former.mkdir()
    for name in ("tls.crt", "tls.key", "ca.crt"):
        (former / name).write_bytes((review / name).read_bytes())
    async with serving(page, "127.0.0.1:0", tls) as port:
        assert await asked(port, review, review) == 200
        certificates.rotate_authority(lambda: None)
        assert await asked(port, review, review) == 200
        for shows, trusts in ((review, former), (former, review), (None, review)):
            with pytest.raises(httpx.TransportError):
                await asked(port, shows, trusts)


async def asked(port: int, shows: Path | None, trusts: Path) -> int:
    """The answer to one who shows the certificate of one folder and trusts the authorities of another."""
    context = ssl.create_default_context(cafile=str(trusts / "ca.crt"))
    context.check_hostname = False
    if shows is not None:
        context.load_cert_chain(shows / "tls.crt", shows / "tls.key")
    async with httpx.AsyncClient(verify=context) as client:
        return (await client.get(f"https://127.0.0.1:{port}/")).status_code
