"""A stack, planned: the parts to start, and the addresses they will have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shodhana.runtime.wires import wire_of

from . import health, stores
from .certificates.mesh import MeshCertificates
from .credentials import LOCAL_USER, ensure_credentials, require_password_of
from .envoy import EmbeddedEnvoy
from .gateway import dashboard
from .keeper import guarded
from .login import PROVIDER, LogInPlan
from .migrations import role_of
from .options import OptionInvalid, StackOptions, login_url
from .parts import Part, Program
from .places import StackDirectory
from .ports import LOOPBACK, allot, free_port
from .topology import CERTIFIED, GATEWAY, SCHEMAS, SUPERVISOR, Replica, chosen_rows, replicas_of

DRAIN_S = 3.0
"""Gateway and channels ask about health every second or so; by then they have noticed."""
ALONE_DRAIN_S = 0.1
"""No other replica takes over, so there is nobody to wait for."""
IDENTITY = "identity"
LASTING = ("redis://", "rediss://", "sentinel://")
"""Brokers that forget nothing and that open_redis knows."""
NOT_INHERITED = (
    *("DATABASE_URL", "DATABASE_REPLICA_URL", "REDIS_URL", "CELERY_BROKER_URL"),
    *("SERVICE_ACCOUNT_ID", "SERVICE_ACCOUNT_SECRET", "OIDC_CLIENT_SECRET"),
    "HEALTH_ADDRESS",
    *("SHODHANA_BACKUP_KEY", "SHODHANA_BACKUP_KEY_FILE", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
)
"""The user's are the stack's: a service is told its own, or nothing."""


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What the supervisor starts, and what the user is told."""

    parts: tuple[Part, ...]
    addresses: Mapping[str, str]
    """By what they are for."""
    client: Mapping[str, str]
    """The content of client.json."""


def plan_stack(directory: StackDirectory, options: StackOptions) -> StackPlan:
    """Plans a stack and makes its credentials. Raises OptionInvalid, SecretsUnusable."""
    return _Planner(directory, options).plan()


class _Planner:
    def __init__(self, directory: StackDirectory, options: StackOptions) -> None:
        self._directory = directory
        self._options = options
        rows = chosen_rows(options)
        self._replicas = replicas_of(rows, options)
        if options.database_url is None:
            require_password_of(directory.part(stores.POSTGRES) / "data", directory)
        self._credentials = ensure_credentials(directory, SCHEMAS)
        self._mesh = MeshCertificates(directory.mesh, CERTIFIED)
        self._mesh.ensure()
        self._mesh.settle(lambda: None)  # nobody runs who would have to read it first
        self._wire = wire_of(self._mesh.of(SUPERVISOR))
        self._ports = allot(_port_names(self._replicas), directory.root)
        if (wanted := options.gateway_port) is not None:
            if free_port(wanted) != wanted:
                raise OptionInvalid(f"--port {wanted}: taken by another program")
            self._ports[GATEWAY] = wanted
        secret = self._credentials.of(PROVIDER)
        self._log_in = LogInPlan(options, self._ports[GATEWAY], self._ports[PROVIDER], secret)
        self._addresses = {row.name: self._addresses_of(row.name) for row in rows if row.serves}
        self._urls: dict[str, str] = {}
        """Of the stores: "database", "cache", "broker"."""
        self._needs: dict[str, frozenset[str]] = {}
        """The parts that must be healthy before a store, or a service, can be called."""

    def plan(self) -> StackPlan:
        stores = [*self._database(), *self._redis()]
        for replica in self._replicas:
            known = self._needs.get(replica.row.name, frozenset())
            self._needs[replica.row.name] = known | {replica.name}
        services = [self._service(replica) for replica in self._replicas]
        envoy = self._envoy()
        parts = (*stores, *self._log_in.programs(), *services, self._gateway(envoy))
        return StackPlan(parts, self._told(), self._client(envoy))

    def _database(self) -> list[Part]:
        url, parts = self._options.database_url, list[Part]()
        if url is None:
            folder, password = self._directory.part(stores.POSTGRES), self._credentials.of("postgres")
            program, url = stores.postgres(folder, self._ports[stores.POSTGRES], password, self._options.is_archived)
            parts.append(program)
        passwords = {schema: self._credentials.of(f"role {schema}") for schema in SCHEMAS}
        parts.append(stores.migrations(url, passwords, frozenset(part.name for part in parts)))
        if self._options.database_url is None and self._options.is_archived:
            parts.append(stores.wal_archiver(self._directory))
        self._urls["database"], self._needs["database"] = url, frozenset({stores.MIGRATIONS})
        return parts

    def _redis(self) -> list[Part]:
        parts = list[Part]()
        external = {"cache": self._options.redis_url, "broker": self._options.celery_broker_url}
        for purpose in ("cache", "broker"):
            url = external[purpose]
            if url is None:
                name, password = f"redis-{purpose}", self._credentials.of(purpose)
                program, url = stores.redis(self._directory.part(name), self._ports[name], password, purpose)
                parts.append(program)
                self._needs[purpose] = frozenset({name})
            self._urls[purpose] = url
        return parts

    def _service(self, replica: Replica) -> Program:
        row, ready = replica.row, self._directory.part("ready") / replica.name
        port = self._ports[replica.name] if row.serves else None
        needed = (self._needs.get(name, frozenset()) for name in (*row.stores, *row.calls))
        command = row.command if row.serves else (*row.command, "--hostname", f"{replica.name}@%h")
        return Program(
            name=replica.name,
            command=guarded(*command),
            check=health.grpc_serving(port, row.name, self._wire) if port is not None else health.file_touched(ready),
            needs=frozenset[str]().union(*needed),
            environment=self._environment(replica) | ({} if row.serves else {"WORKER_READY_PATH": str(ready)}),
            prepare=None if row.serves else health.removes(ready),
            port=port,
            metrics_url=f"http://{self._metrics_address(replica)}/metrics",
            answers_while_working=row.serves,
        )

    def _environment(self, replica: Replica) -> dict[str, str]:
        row, directory = replica.row, self._directory
        environment = dict.fromkeys(NOT_INHERITED, "")
        environment |= {f"{name.upper()}_ADDRESSES": ",".join(found) for name, found in self._addresses.items()}
        environment |= {
            "METRICS_ADDRESS": self._metrics_address(replica),
            "JWKS_PATH": str(directory.jwks),
            "MESH_TLS_PATH": str(self._mesh.of(row.name)),
            "ENABLE_EPIC_3": str(self._options.is_semantic).lower(),
            "DRAIN_S": str(DRAIN_S if replica.peers > 1 else ALONE_DRAIN_S),
            "PYTHONDONTWRITEBYTECODE": "",  # without compiled modules each start takes seconds longer
            "PYTHONUNBUFFERED": "1",
        }
        if row.serves:
            environment["LISTEN_ADDRESS"] = f"{LOOPBACK}:{self._ports[replica.name]}"
        if row.schema is not None:
            password = self._credentials.of(f"role {row.schema}")
            environment["DATABASE_URL"] = login_url(self._urls["database"], role_of(row.schema), password)
            if replica_url := self._options.database_replica_url:
                environment["DATABASE_REPLICA_URL"] = login_url(replica_url, role_of(row.schema), password)
        if "cache" in row.stores:
            environment["REDIS_URL"] = self._urls["cache"]
        if "broker" in row.stores:
            environment["CELERY_BROKER_URL"] = self._urls["broker"]
        if row.account is not None:
            environment["SERVICE_ACCOUNT_ID"] = row.account
            environment["SERVICE_ACCOUNT_SECRET"] = self._credentials.account(row.account)
        if row.name == IDENTITY:
            environment["SIGNING_KEY_PATH"] = str(directory.signing_key)
            environment["SERVICE_ACCOUNTS_PATH"] = str(directory.service_accounts)
            environment["AUTH_LISTEN_ADDRESS"] = self._pages_address(replica)
            environment |= self._log_in.environment(self._sessions_url())
        return environment | dict(row.environment)

    def _envoy(self) -> EmbeddedEnvoy:
        return EmbeddedEnvoy(
            directory=self._directory,
            port=self._ports[GATEWAY],
            admin_port=self._ports["gateway admin"],
            metrics_port=self._ports["gateway metrics"],
            addresses=self._addresses,
            pages=tuple(self._pages_address(replica) for replica in self._replicas if replica.row.name == IDENTITY),
            otlp_endpoint=self._options.otlp_endpoint,
            rate_limits=self._options.rate_limits,
        )

    def _gateway(self, envoy: EmbeddedEnvoy) -> Program:
        return Program(
            name=GATEWAY,
            command=guarded(*envoy.command()),
            check=health.http_answers(envoy.admin_port, "/ready"),
            needs=frozenset(replica.name for replica in self._replicas if replica.row.serves),
            prepare=envoy.prepare,
            port=envoy.port,
            metrics_url=f"http://{LOOPBACK}:{envoy.metrics_port}/metrics",
        )

    def _told(self) -> dict[str, str]:
        gateway = f"localhost:{self._ports[GATEWAY]}"
        told = {
            "dashboard": self._dashboard(),
            "grpc": gateway,
            "rest": f"https://{gateway}/v1",
            "docs": f"https://{gateway}/docs",
        }
        told["development login" if self._log_in.is_development else "login"] = f"{self._log_in.public_url}/auth/login"
        told["admin"] = f"http://{LOOPBACK}:{self._ports['gateway admin']}"
        told["metrics"] = f"http://{LOOPBACK}:{self._ports['gateway metrics']}/metrics"
        if self._options.otlp_endpoint:
            told["traces"] = self._options.otlp_endpoint
        return told

    def _dashboard(self) -> str:
        return (
            f"{self._log_in.public_url}/" if dashboard.is_built() else "not built; tools/setup_dashboard.sh builds it"
        )

    def _client(self, envoy: EmbeddedEnvoy) -> dict[str, str]:
        return {
            "gateway": f"localhost:{envoy.port}",
            "rest_url": f"https://localhost:{envoy.port}",
            "ca_certificate": str(envoy.certificates.authority),
            "client_id": LOCAL_USER,
            "client_secret": self._credentials.account(LOCAL_USER),
        }

    def _addresses_of(self, service: str) -> tuple[str, ...]:
        names = (replica.name for replica in self._replicas if replica.row.name == service)
        return tuple(f"{LOOPBACK}:{self._ports[name]}" for name in names)

    def _sessions_url(self) -> str:
        """The Redis that forgets nothing; where another kind of broker is in its place, the cache."""
        broker = self._urls["broker"]
        return broker if broker.startswith(LASTING) else self._urls["cache"]

    def _pages_address(self, replica: Replica) -> str:
        return f"{LOOPBACK}:{self._ports[f'{replica.name} pages']}"

    def _metrics_address(self, replica: Replica) -> str:
        return f"{LOOPBACK}:{self._ports[f'{replica.name} metrics']}"


def _port_names(replicas: tuple[Replica, ...]) -> list[str]:
    names = [GATEWAY, "gateway admin", "gateway metrics", stores.POSTGRES, "redis-cache", "redis-broker"]
    names += [replica.name for replica in replicas if replica.row.serves]
    names += [f"{replica.name} metrics" for replica in replicas]
    return [*names, *(f"{replica.name} pages" for replica in replicas if replica.row.name == IDENTITY), PROVIDER]
