"""A real Envoy with the rendered configuration, real replicas behind it, and tokens it accepts."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from shodhana.stack.gateway_config import SERVICES, Cluster, GatewayParameters, RateLimits, render, write_secrets
from shodhana.stack.ports import allot

BACKEND = Path(__file__).parent / "backend.py"
START_S = 60
ALL_PERMISSIONS = ("embeddings:read", "transcripts:read", "transcripts:write", "users:manage", "lexicon:read")


def envoy_program() -> str:
    found = find_spec("envoy")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parent / "_bin" / "envoy")


def wait_for(condition: Callable[[], bool], seconds: float = START_S) -> None:
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at, "condition not met in time"
        time.sleep(0.02)


@dataclass(frozen=True)
class Keys:
    """What signs the tokens, and the JWK set the gateway reads."""

    path: Path
    signing: ECKey = field(
        default_factory=lambda: ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
    )

    def publish(self) -> None:
        scratch = self.path.with_suffix(".new")
        scratch.write_text(json.dumps({"keys": [self.signing.as_dict(private=False)]}))
        scratch.replace(self.path)

    def token(self, *permissions: str, **claims: Any) -> str:
        """A token as identity makes them; `claims` replace its claims, None leaves one out."""
        now = int(time.time())
        usual = {
            "iss": "https://identity.shodhana.local",
            "aud": "shodhana",
            "sub": "users/1",
            "iat": now,
            "exp": now + 600,
            "jti": uuid.uuid4().hex,
            "permissions": list(permissions),
        }
        chosen = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": self.signing.kid}, chosen, self.signing)


@dataclass
class Replica:
    """One backend process."""

    port: int
    attempts: Path
    tls: Path | None = None
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, str(BACKEND), str(self.port), str(self.attempts)]
        self.process = subprocess.Popen([*command, str(self.tls)] if self.tls else command)
        wait_for(lambda: listens(self.port))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True)
class Gateway:
    """A running Envoy."""

    parameters: GatewayParameters
    keys: Keys
    replicas: list[Replica]
    log: Path
    process: subprocess.Popen[bytes]
    trusted: Path
    """What clients hold the gateway's certificate to."""

    @property
    def url(self) -> str:
        return f"https://{self.parameters.listen}"

    def client(self, token: str | None = None, **options: Any) -> httpx.Client:
        """An HTTP client that trusts the gateway's certificate; `token` default: all permissions."""
        chosen = self.keys.token(*ALL_PERMISSIONS) if token is None else token
        headers = {"authorization": f"Bearer {chosen}"} if chosen else {}
        context = ssl.create_default_context(cafile=str(self.trusted))
        return httpx.Client(base_url=self.url, headers=headers, verify=context, timeout=30, **options)

    def async_client(self) -> httpx.AsyncClient:
        """The same for an event loop, without any token."""
        context = ssl.create_default_context(cafile=str(self.trusted))
        return httpx.AsyncClient(base_url=self.url, verify=context, timeout=30)

    def claims(self, authorization: str) -> dict[str, Any]:
        """What a token that this gateway accepts says."""
        keys = KeySet.import_key_set(json.loads(self.parameters.jwks.read_text()))
        token = authorization.removeprefix("Bearer ")
        return dict(jwt.decode(token, keys, algorithms=["ES256"]).claims)

    def channel(self) -> grpc.aio.Channel:
        """A gRPC channel; send `self.call_credentials()` as metadata."""
        credentials = grpc.ssl_channel_credentials(self.trusted.read_bytes())
        options = [("grpc.max_send_message_length", 64 << 20)]
        return grpc.aio.secure_channel(self.parameters.listen, credentials, options=options)

    def metadata(self, *permissions: str) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.keys.token(*(permissions or ALL_PERMISSIONS))}"),)

    def statistics(self, prefix: str) -> dict[str, int]:
        """Counters and gauges of the admin interface."""
        text = httpx.get(f"http://{self.parameters.admin}/stats", params={"filter": f"^{prefix}"}).text
        pairs = (line.rsplit(": ", 1) for line in text.splitlines() if ": " in line)
        return {name: int(value) for name, value in pairs if value.isdigit()}

    def healthy_hosts(self, cluster: str = "embedding") -> int:
        return self.statistics(rf"cluster\.{cluster}\.membership_healthy")[f"cluster.{cluster}.membership_healthy"]

    def wait_until_healthy(self, count: int) -> None:
        """Returns when the health checks count so many replicas of `embedding`."""
        wait_for(lambda: self.healthy_hosts() == count)

    def access_log(self, request_id: str) -> dict[str, Any]:
        """The line of a request, which is written shortly after its answer."""
        found: list[dict[str, Any]] = []

        def written() -> bool:
            lines = [line for line in self.log.read_text().splitlines() if request_id in line]
            found.extend(json.loads(line) for line in lines)
            return bool(found)

        wait_for(written)
        return found[0]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True)
class Certificates:
    """A certificate authority and one certificate for everything."""

    folder: Path

    def write(self) -> None:
        authority_key, authority = self._sign("ca", None, None, [])
        self._sign("gateway", authority_key, authority, ["localhost"])

    def _sign(
        self,
        name: str,
        issuer_key: ec.EllipticCurvePrivateKey | None,
        issuer: x509.Certificate | None,
        hosts: list[str],
    ) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        signer = issuer_key or key
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
        )
        certificate = builder.sign(signer, hashes.SHA256())
        (self.folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / f"{name}.key").write_bytes(private)
        return key, certificate


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    Certificates(folder).write()
    chain = (folder / "gateway.crt").read_bytes() + (folder / "ca.crt").read_bytes()
    (folder / "chain.crt").write_bytes(chain)
    return folder


def base_parameters(
    folder: Path, certificates: Path, replicas: list[Replica], ports: dict[str, int]
) -> GatewayParameters:
    cluster = Cluster(tuple(replica.address for replica in replicas))
    return GatewayParameters(
        certificate=certificates / "chain.crt",
        private_key=certificates / "gateway.key",
        secrets=folder / "secrets",
        jwks=folder / "jwks.json",
        clusters=dict.fromkeys(SERVICES, cluster),
        listen=f"127.0.0.1:{ports['listen']}",
        admin=f"127.0.0.1:{ports['admin']}",
        metrics=f"127.0.0.1:{ports['metrics']}",
        allowed_origins=("https://dashboard.example",),
        rate_limits=RateLimits(total_per_s=20_000, subject_per_s=10_000, token_per_s=5),
    )


@contextmanager
def running_gateway(folder: Path, certificates: Path, **changes: Any) -> Iterator[Gateway]:
    """Two replicas and an Envoy before them; `changes` replace parameters.

    `tls`: a folder of certificates, with which the replicas ask for TLS. `by_name`: they are found through DNS.
    `only`: the services that there are. `trusted`: what clients hold the gateway's certificate to.
    `own_clusters`: services that these replicas do not stand in for, with two replicas of their own.
    """
    own_clusters = changes.pop("own_clusters", {})
    tls, by_name = changes.pop("tls", None), changes.pop("by_name", False)
    only, trusted = changes.pop("only", SERVICES), changes.pop("trusted", certificates / "chain.crt")
    # Not any free port: before Envoy has it, an outgoing connection of another test could be given the same one.
    ports = allot(("listen", "admin", "metrics", "first", "second"), folder)
    replicas = [Replica(ports[name], folder / "attempts", tls) for name in ("first", "second")]
    for replica in replicas:
        replica.start()
    keys = Keys(folder / "jwks.json")
    keys.publish()
    parameters = replace(base_parameters(folder, certificates, replicas, ports), **changes)
    parameters = replace(parameters, clusters={name: parameters.clusters[name] for name in only} | own_clusters)
    if by_name:
        names = tuple(f"localhost:{replica.port}" for replica in replicas)
        parameters = replace(parameters, clusters=dict.fromkeys(SERVICES, Cluster(names, "dns")))
    configuration, log = folder / "envoy.yaml", folder / "envoy.log"
    write_secrets(parameters)
    configuration.write_text(render(parameters))
    command = [envoy_program(), "-c", str(configuration), "--disable-hot-restart", "--concurrency", "2", "-l", "error"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    gateway = Gateway(parameters, keys, replicas, log, process, trusted)
    try:
        wait_for(lambda: process.poll() is not None or is_ready(gateway))
        assert process.poll() is None, log.read_text()
        yield gateway
    finally:
        with suppress(ProcessLookupError):  # it may have failed to start
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)
        for replica in replicas:
            replica.kill()


def is_ready(gateway: Gateway) -> bool:
    try:
        with gateway.client("") as client:
            if client.get("/ready").status_code != 200:
                return False
    except httpx.HTTPError:
        return False
    return all(gateway.healthy_hosts(name) == len(gateway.replicas) for name in gateway.parameters.clusters)


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Gateway]:
    """One for the tests that leave it as it was."""
    with running_gateway(tmp_path_factory.mktemp("gateway"), certificates) as running:
        yield running


@pytest.fixture
def own_gateway(tmp_path: Path, certificates: Path) -> Iterator[Gateway]:
    """One that a test may break."""
    with running_gateway(tmp_path, certificates) as running:
        yield running


@pytest.fixture
def start_gateway(tmp_path: Path, certificates: Path) -> Callable[..., Any]:
    """Starts one with other parameters: `with start_gateway(rate_limits=…) as gateway`."""
    return lambda **changes: running_gateway(tmp_path, certificates, **changes)


@pytest.fixture(scope="session")
def start_own_gateway(certificates: Path) -> Callable[..., Any]:
    """As `start_gateway`, in a folder that the caller names, and for longer than a test."""
    return lambda folder, **changes: running_gateway(folder, certificates, **changes)


@pytest.fixture
def rest(gateway: Gateway) -> Iterator[httpx.Client]:
    """A caller that holds every permission the tests' RPCs need."""
    with gateway.client() as client:
        yield client
