"""The plan of a stack: what each program is told, and in which order they start."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from shodhana.stack.options import StackOptions, options_from
from shodhana.stack.parts import Program, check_order
from shodhana.stack.places import StackDirectory
from shodhana.stack.plan import StackPlan, plan_stack


@pytest.fixture
def directory() -> Iterator[StackDirectory]:
    """Open to all: what is root's alone has its Postgres data elsewhere."""
    with tempfile.TemporaryDirectory(prefix="shodhana-tests-") as name:
        Path(name).chmod(0o755)
        yield StackDirectory(Path(name))


def programs(plan: StackPlan) -> dict[str, Program]:
    return {part.name: part for part in plan.parts if isinstance(part, Program)}


def test_every_need_is_met_and_every_port_is_its_own(directory: StackDirectory) -> None:
    plan = plan_stack(directory, StackOptions({"": 3}))
    check_order(plan.parts)
    ports = [program.port for program in programs(plan).values() if program.port]
    assert len(ports) == len(set(ports)) > 15


def test_a_caller_knows_every_replica_and_waits_for_all(directory: StackDirectory) -> None:
    found = programs(plan_stack(directory, StackOptions({"similarity": 2})))
    addresses = found["quality"].environment["SIMILARITY_ADDRESSES"].split(",")
    assert addresses == [f"127.0.0.1:{found[name].port}" for name in ("similarity-1", "similarity-2")]
    assert {"similarity-1", "similarity-2", "migrations", "redis-cache"} <= found["quality"].needs


def test_each_service_logs_in_with_its_own_role_and_none_with_the_owners_password(directory: StackDirectory) -> None:
    plan = plan_stack(directory, StackOptions())
    found = programs(plan)
    assert "//shodhana_quality:" in found["quality"].environment["DATABASE_URL"]
    assert "//shodhana_transcripts:" in found["transcripts"].environment["DATABASE_URL"]
    assert found["embedding"].environment["DATABASE_URL"] == ""
    secrets = [found["quality"].environment[name] for name in ("DATABASE_URL", "SERVICE_ACCOUNT_SECRET")]
    for other in ("similarity", "review", "identity"):
        assert not set(secrets) & set(found[other].environment.values())


def test_each_service_shows_a_certificate_of_its_own(directory: StackDirectory) -> None:
    found = programs(plan_stack(directory, StackOptions({"quality": 2, "worker": 1})))
    shown = {name: Path(found[name].environment["MESH_TLS_PATH"]) for name in ("quality-1", "quality-2", "worker")}
    assert shown["quality-1"] == shown["quality-2"] == directory.mesh / "quality"
    assert shown["worker"] == directory.mesh / "worker"
    assert all((folder / "tls.key").exists() for folder in shown.values())


def test_no_secret_stands_in_a_command_line(directory: StackDirectory) -> None:
    plan = plan_stack(directory, StackOptions())
    secrets = json.loads(directory.secrets.read_text()).values()
    commands = " ".join(word for program in programs(plan).values() for word in program.words())
    assert not [secret for secret in secrets if secret in commands]


def test_servers_of_the_users_own_replace_the_embedded_ones(directory: StackDirectory) -> None:
    options = StackOptions(
        database_url="postgresql://owner:pw@db.example/lectures",
        redis_url="redis://cache.example/0",
        celery_broker_url="redis://broker.example/1",
        otlp_endpoint="http://collector.example:4317",
    )
    plan = plan_stack(directory, options)
    found = programs(plan)
    assert not {"postgres", "redis-cache", "redis-broker"} & set(found)
    check_order(plan.parts)
    environment = found["transcripts"].environment
    assert "@db.example/lectures" in environment["DATABASE_URL"]
    assert environment["REDIS_URL"] == "redis://cache.example/0"
    assert environment["CELERY_BROKER_URL"] == "redis://broker.example/1"
    assert plan.addresses["traces"] == "http://collector.example:4317"


def test_a_lone_replica_does_not_wait_for_others_to_take_over(directory: StackDirectory) -> None:
    found = programs(plan_stack(directory, StackOptions({"quality": 2})))
    assert float(found["identity"].environment["DRAIN_S"]) < 1
    assert float(found["quality-1"].environment["DRAIN_S"]) >= 3


def test_the_core_engine_alone_is_told_so(directory: StackDirectory) -> None:
    found = programs(plan_stack(directory, StackOptions(is_semantic=False)))
    assert "embedding" not in found
    assert found["similarity"].environment["ENABLE_EPIC_3"] == "false"
    assert "EMBEDDING_ADDRESSES" not in found["similarity"].environment


def test_the_gateway_starts_last_and_stops_first(directory: StackDirectory) -> None:
    plan = plan_stack(directory, StackOptions())
    gateway = programs(plan)["gateway"]
    assert {"identity", "similarity", "quality", "review", "transcripts", "embedding"} <= gateway.needs
    assert not any(gateway.name in part.needs for part in plan.parts)


def test_the_owners_credentials_in_the_users_environment_reach_no_service(
    directory: StackDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = "postgresql://owner:secret@db.example/lectures"
    for name in ("DATABASE_URL", "DATABASE_REPLICA_URL", "SERVICE_ACCOUNT_SECRET"):
        monkeypatch.setenv(name, owner)
    plan = plan_stack(directory, StackOptions(database_url=owner, database_replica_url=owner))
    services = [program for program in programs(plan).values() if "METRICS_ADDRESS" in program.environment]
    assert services
    assert not [program for program in services if owner in (os.environ | dict(program.environment)).values()]


def test_with_a_key_the_log_is_archived_and_no_service_is_told_the_key(directory: StackDirectory) -> None:
    assert "wal-archiver" not in programs(plan_stack(directory, options_from({})))
    secrets = ("SHODHANA_BACKUP_KEY", "SHODHANA_BACKUP_KEY_FILE", "AWS_SECRET_ACCESS_KEY")
    for name in ("SHODHANA_BACKUP_RECIPIENTS", *secrets[:2]):
        found = programs(plan_stack(directory, options_from({name: "set"})))
        assert found["wal-archiver"].needs == {"postgres"}
        assert any(word.startswith("archive_command=") for word in found["postgres"].words())
        assert all(found["review"].environment[secret] == "" for secret in secrets)


def test_people_log_in_at_the_development_log_in_where_no_provider_is_named(directory: StackDirectory) -> None:
    plan = plan_stack(directory, StackOptions())
    found = programs(plan)
    environment, words = found["identity"].environment, found["development-login"].words()
    assert environment["OIDC_ISSUER"] == f"http://127.0.0.1:{found['development-login'].port}"
    assert f"{environment['PUBLIC_URL']}/auth/callback" in words
    assert environment["REDIS_URL"].split("@")[1] == found["transcripts"].environment["CELERY_BROKER_URL"].split("@")[1]
    assert plan.addresses["development login"] == f"{environment['PUBLIC_URL']}/auth/login"


def test_a_provider_of_the_users_own_leaves_no_development_log_in(
    directory: StackDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OIDC_ISSUER", "https://accounts.example.com")
    monkeypatch.setenv("OIDC_CLIENT_SECRET", "only for identity")
    monkeypatch.setenv("PUBLIC_URL", "https://shodhana.example.org/")
    plan = plan_stack(directory, options_from(os.environ))
    found = programs(plan)
    assert "development-login" not in found
    assert not [name for name in plan.addresses if "development" in name]
    told = {name: os.environ | dict(program.environment) for name, program in found.items() if program.metrics_url}
    assert told["identity"]["OIDC_ISSUER"] == "https://accounts.example.com"
    assert told["identity"]["PUBLIC_URL"] == "https://shodhana.example.org"
    services = {name for name in told if name != "gateway"}
    assert {name for name in services if "only for identity" in told[name].values()} == {"identity"}


def test_sessions_stay_in_redis_where_the_broker_is_of_another_kind(directory: StackDirectory) -> None:
    options = StackOptions(celery_broker_url="amqp://broker.example", redis_url="redis://cache.example/0")
    environment = programs(plan_stack(directory, options))["identity"].environment
    assert environment["REDIS_URL"] == "redis://cache.example/0"
