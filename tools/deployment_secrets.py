"""Makes every secret of a deployment, once, in a folder that only its owner enters.

    .venv/bin/python tools/deployment_secrets.py deploy/secrets                              for compose and Swarm
    .venv/bin/python tools/deployment_secrets.py ~/shodhana --place kubernetes               the folder alone
    .venv/bin/python tools/deployment_secrets.py ~/shodhana --place kubernetes --print | kubectl apply -f -
    .venv/bin/python tools/deployment_secrets.py deploy/secrets --step trust                 and then sign, and forget

Run again, it renews certificates that are two thirds through their time and changes nothing else that is there; a file
that is removed is made anew. `--step` puts another authority in the place of the mesh's (docs/deployment.md). Each
folder inside is what one service gets to see: mounted at /run/secrets/shodhana, its files have the names of settings
(`database_url`); what is mounted at /etc/shodhana/mesh is a folder in `mesh`.
"""

from __future__ import annotations

import argparse
import base64
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import yaml
from cryptography import x509
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.stack.certificates.edge import EdgeCertificates
from shodhana.stack.certificates.mesh import MeshCertificates
from shodhana.stack.certificates.publishing import publish
from shodhana.stack.credentials import BYTES, CALLERS, Credentials, ensure_credentials
from shodhana.stack.migrations import SCHEMAS, role_of
from shodhana.stack.options import login_url
from shodhana.stack.places import StackDirectory
from shodhana.stack.topology import GATEWAY, ROWS

NAMESPACE = "sanskrit-processing"
LABELS = {"app.kubernetes.io/part-of": "shodhana"}
OWNER = "postgres"
SENTINELS = tuple(f"redis-broker-{number}.redis-broker:26379" for number in range(3))
MESH = "mesh"
CERTIFIED = (*(row.name for row in ROWS), GATEWAY)
LIFE = timedelta(days=180)
"""Of the mesh's certificates: longer than where a program that runs renews them; this one has to be run."""
STEPS: dict[str, Callable[[MeshCertificates], None]] = {
    "trust": MeshCertificates.trust_next,
    "sign": MeshCertificates.sign_by_next,
    "forget": MeshCertificates.forget_former,
}
OPEN = ("jwks",)
"""What everybody may read."""
SECRET_NAMES = (
    *("alertmanager", "embedding", "grafana", "identity", "keda", "migrations", "postgres", "quality"),
    *("redis-broker", "redis-cache", "review", "similarity", "tls", "transcripts"),
    *(f"mesh-{name}" for name in ("authority", *CERTIFIED)),
)
"""The Secrets that are made: each a folder, or one of the mesh's."""
GIVEN = {"identity": ("oidc_client_secret",), "alertmanager": ("pager_url", "tickets_url", "watchdog_url")}
"""By folder, what only the installation's owner knows: a file in `source`, or nothing."""
OPEN_NAMES = (*OPEN, "mesh-authorities")
"""The ConfigMaps."""
Redis = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the stores of a deployment are; each Redis by its password."""

    database: str
    """Where migrations go, and KEDA looks."""
    cache: Redis
    broker: Redis
    primary: str = ""
    """Where services go that follow a fail-over; empty: the same."""
    standby: str = ""
    """Where services may read; empty: nowhere."""


def single(host: str) -> Redis:
    """One server."""
    return lambda password: f"redis://:{password}@{host}:6379/0"


def sentinel(addresses: tuple[str, ...]) -> Redis:
    """A server that sentinels choose."""
    return lambda password: ";".join(f"sentinel://:{password}@{address}/0" for address in addresses)


def cluster(host: str) -> Redis:
    """A Redis Cluster, by a name that stands for its nodes."""
    return lambda password: f"redis+cluster://:{password}@{host}:6379"


PLACES = {
    "compose": Place("postgres:5432/shodhana", single("redis-cache"), single("redis-broker")),
    "compose-ha": Place(
        "postgres:5432,postgres-standby:5432/shodhana",
        single("redis-cache"),
        sentinel(SENTINELS),
        standby="postgres-standby:5432/shodhana",
    ),
    "kubernetes-dev": Place("postgres:5432/shodhana", single("redis-cache"), single("redis-broker")),
    "kubernetes": Place(
        "postgres-rw:5432/shodhana?sslmode=require",
        cluster("redis-cache"),
        sentinel(SENTINELS),
        primary="postgres-rw:5432/shodhana?sslmode=require&target_session_attrs=read-write",
        standby="postgres-ro:5432/shodhana?sslmode=require",
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the secrets stand; keep it out of every repository")
    parser.add_argument("--place", choices=list(PLACES), default="compose", help="default: compose")
    parser.add_argument("--database", metavar="HOST:PORT/NAME", help="another database than the place's")
    parser.add_argument("--standby", metavar="HOST:PORT/NAME", help="with --database: where services may read")
    parser.add_argument("--step", choices=list(STEPS), help="one step of three towards another authority of the mesh")
    parser.add_argument("--print", action="store_true", help="print Secrets and the ConfigMap jwks for kubectl")
    options = parser.parse_args()
    place = PLACES[options.place]
    if options.database:
        place = Place(options.database, place.cache, place.broker, standby=options.standby or "")
    make(options.folder, place)
    if options.step:
        STEPS[options.step](mesh_of(options.folder))
    if options.print:
        found = manifests(options.folder, has_issuer=options.place == "kubernetes")
        yaml.safe_dump_all(found, sys.stdout, sort_keys=False)
    else:
        print(f"secrets of {options.place} in {options.folder}", file=sys.stderr)
    for name in sorted(set(GIVEN["alertmanager"]) - set(given(options.folder / "source", GIVEN["alertmanager"]))):
        print(f"alerts: {options.folder}/source/{name} is missing, so nobody is told there", file=sys.stderr)
    return 0


def make(folder: Path, place: Place) -> None:
    """Makes what is missing, and lays out what each service sees."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    directory = StackDirectory(folder / "source")
    credentials = ensure_credentials(directory, SCHEMAS)
    KeyFileSigner(directory.signing_key, directory.jwks)
    certificates = EdgeCertificates(directory.tls)
    certificates.ensure()
    files = contents(credentials, place)
    files["identity"] |= {
        "signing_key.json": directory.signing_key.read_text(),
        "service_accounts.json": directory.service_accounts.read_text(),
    }
    for name, wanted in GIVEN.items():
        files.setdefault(name, {}).update(given(folder / "source", wanted))
    files["grafana"] = {"admin_password": lasting(folder / "source" / "grafana_password")}
    files["jwks"] = {"jwks.json": directory.jwks.read_text()}
    for name, found in files.items():
        write(folder / name, found)
    mesh_of(folder).ensure()
    if is_ours(folder / "tls" / "tls.crt", certificates):
        shown = {"tls.crt": certificates.server, "tls.key": certificates.server_key, "ca.crt": certificates.authority}
        publish(folder / "tls", {name: path.read_bytes() for name, path in shown.items()}, is_shared=True)


def given(source: Path, names: tuple[str, ...]) -> dict[str, str]:
    """What the owner has put there, of these names."""
    return {name: (source / name).read_text().strip() for name in names if (source / name).exists()}


def is_ours(shown: Path, certificates: EdgeCertificates) -> bool:
    """Whether the gateway's certificate is none that the owner of the folder has put there."""
    if not shown.exists():
        return True
    authority = x509.load_pem_x509_certificate(certificates.authority.read_bytes())
    return x509.load_pem_x509_certificates(shown.read_bytes())[0].issuer == authority.subject


def mesh_of(folder: Path) -> MeshCertificates:
    """Certificates for calls within the mesh: a folder for each service, and one for the authority, which none sees."""
    return MeshCertificates(folder / MESH, CERTIFIED, is_shared=True, life=LIFE)


def lasting(path: Path) -> str:
    """The password in a file, made at the first time."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(token_urlsafe(BYTES))
    return path.read_text()


def contents(credentials: Credentials, place: Place) -> dict[str, dict[str, str]]:
    """By folder, the files and what stands in them."""
    owner = login_url(f"postgresql://{place.database}", OWNER, credentials.of("postgres"))
    redis = {"redis_url": place.cache(credentials.of("cache"))}
    queue = place.broker(credentials.of("broker"))
    found: dict[str, dict[str, str]] = {"embedding": dict(redis), "migrations": {"database_url": owner}}
    for schema in SCHEMAS:
        password = credentials.of(f"role {schema}")
        role, url = role_of(schema), f"postgresql://{place.primary or place.database}"
        found[schema] = {"database_url": login_url(url, role, password), **redis}
        if place.standby:
            standby = login_url(f"postgresql://{place.standby}", role, password)
            found[schema]["database_replica_url"] = standby
        found["migrations"][f"role_{schema}"] = password
    for name in CALLERS:
        found[name]["service_account_secret"] = credentials.account(name)
    found["identity"]["redis_url"] = queue  # sessions: the server that forgets nothing
    found["transcripts"]["celery_broker_url"] = queue
    found["keda"] = {"connection": login_url(owner, role_of("transcripts"), credentials.of("role transcripts"))}
    found["postgres"] = {"username": OWNER, "password": credentials.of("postgres")}
    for purpose in ("cache", "broker"):
        password = credentials.of(purpose)
        found[f"redis-{purpose}"] = {"auth.conf": f"requirepass {password}\nmasterauth {password}\n"}
    found["redis-broker"]["sentinel_auth.conf"] = (
        f"requirepass {credentials.of('broker')}\nsentinel auth-pass broker {credentials.of('broker')}\n"
    )
    return found


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Containers read these as another user; the folder around them keeps everybody else out."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    folder.chmod(0o755)
    for name, text in files.items():
        path = folder / name
        path.write_text(text)
        path.chmod(0o444)


def manifests(folder: Path, *, has_issuer: bool) -> list[dict[str, Any]]:
    """A Secret for each folder, and a ConfigMap for what is public; `has_issuer`: cert-manager makes certificates."""
    omitted = {"source", MESH, *OPEN} | ({"tls"} if has_issuer else set())
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name not in omitted)
    found = [manifest("Secret", name, {"type": kind_of(name), "data": encoded(folder / name)}) for name in names]
    found += [manifest("ConfigMap", name, {"data": plain(folder / name)}) for name in OPEN]
    return [*found, *mesh_manifests(mesh_of(folder), has_issuer=has_issuer)]


def mesh_manifests(mesh: MeshCertificates, *, has_issuer: bool) -> list[dict[str, Any]]:
    """Whom all trust; and either what signs, for cert-manager, or each service's certificate."""
    trusted = b"".join(pair.certificate_pem() for pair in mesh.trusted()).decode()
    found = [manifest("ConfigMap", "mesh-authorities", {"data": {"ca.crt": trusted}})]
    signing = mesh.signing()
    shown = {"authority": signing} if has_issuer and signing else {name: mesh.read(name) for name in mesh.names}
    for name, pair in shown.items():
        data = {"tls.crt": pair.certificate_pem(), "tls.key": pair.key_pem()}
        content = {"type": "kubernetes.io/tls", "data": {key: base64_of(value) for key, value in data.items()}}
        found.append(manifest("Secret", f"mesh-{name}", content))
    return found


def kind_of(name: str) -> str:
    return {"tls": "kubernetes.io/tls", "postgres": "kubernetes.io/basic-auth"}.get(name, "Opaque")


def manifest(kind: str, name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": dict(LABELS)}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


def plain(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir()) if not path.name.startswith("..")}


def encoded(folder: Path) -> dict[str, str]:
    return {name: base64_of(text.encode()) for name, text in plain(folder).items()}


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


if __name__ == "__main__":
    sys.exit(main())
