"""The rendered configuration, as Envoy itself judges it, for each kind of deployment."""

from __future__ import annotations

import datetime
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from shodhana.stack.gateway import dashboard
from shodhana.stack.gateway.bootstrap import bootstrap
from shodhana.stack.gateway.contracts import read_descriptors, rpcs_of
from shodhana.stack.gateway.deployments import compose, kubernetes
from shodhana.stack.gateway.routes import COMPUTATION, LOOK_UP, STREAM, WRITE, policy_of
from shodhana.stack.gateway.tls import secret_files
from shodhana.stack.gateway_config import SERVICES, Cluster, GatewayParameters, render, write_secrets
from shodhana.stack.places import DASHBOARD, GATEWAY

RPCS = {rpc.name: rpc for rpc in rpcs_of(read_descriptors(GATEWAY / "descriptors.binpb"))}


@pytest.fixture
def local(tmp_path: Path) -> GatewayParameters:
    """Two replicas a service on this machine."""
    write_certificate(tmp_path)
    (tmp_path / "jwks.json").write_text('{"keys": []}')
    ports = iter(range(50051, 50100))
    return GatewayParameters(
        certificate=tmp_path / "tls.crt",
        private_key=tmp_path / "tls.key",
        secrets=tmp_path / "secrets",
        jwks=tmp_path / "jwks.json",
        clusters={name: Cluster((f"127.0.0.1:{next(ports)}", f"127.0.0.1:{next(ports)}")) for name in SERVICES},
        auth=Cluster(("127.0.0.1:8080",)),
        metrics="127.0.0.1:9902",
    )


def contained(folder: Path, place: str) -> GatewayParameters:
    """As in a container, whose files stand in `folder`."""
    for name in ("tls", "mesh", "jwks"):
        (folder / name).mkdir()
    for name in ("tls", "mesh"):
        write_certificate(folder / name)
    shutil.copy(folder / "tls" / "tls.crt", folder / "mesh" / "ca.crt")
    (folder / "jwks" / "jwks.json").write_text('{"keys": []}')
    shutil.copytree(GATEWAY, folder / "gateway")
    if dashboard.is_built():
        shutil.copytree(DASHBOARD, folder / "gateway" / "dashboard")
    origins = ("https://dashboard.example",)
    found = {"compose": compose, "kubernetes": kubernetes}[place]("collector:4317", origins, files=folder)
    return replace(found, secrets=folder / "secrets")


def write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    (folder / "tls.crt").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.key").write_bytes(key.private_bytes(*form))


@pytest.mark.parametrize("place", ["local", "compose", "kubernetes"])
def test_envoy_takes_the_configuration(local: GatewayParameters, tmp_path: Path, place: str) -> None:
    parameters = local if place == "local" else contained(tmp_path, place)
    configuration = tmp_path / "envoy.yaml"
    write_secrets(parameters)
    configuration.write_text(render(parameters))
    found = find_spec("envoy")
    assert found is not None
    program = Path(str(found.origin)).parent / "_bin" / "envoy"
    command = [str(program), "--mode", "validate", "-c", str(configuration)]
    verdict = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert verdict.returncode == 0, verdict.stderr
    assert "deprecated" not in verdict.stderr.lower()


def test_the_same_parameters_make_the_same_text(local: GatewayParameters) -> None:
    assert render(local) == render(local)


def test_names_are_asked_of_dns_and_addresses_are_not(local: GatewayParameters) -> None:
    assert {cluster["type"] for cluster in service_clusters(local)} == {"STATIC"}
    for parameters in (compose(), kubernetes()):
        kinds = {cluster["cluster_type"]["name"] for cluster in service_clusters(parameters)}
        assert kinds == {"envoy.clusters.dns"}


def test_a_service_that_is_absent_is_not_exposed(local: GatewayParameters) -> None:
    without = {name: cluster for name, cluster in local.clusters.items() if name != "review"}
    text = render(replace(local, clusters=without))
    routes = [route["name"] for route in routes_of(replace(local, clusters=without)) if "name" in route]
    assert not [name for name in routes if ".review." in name]
    assert "cluster: review\n" not in text


def test_without_pages_of_identity_a_cookie_means_nothing(local: GatewayParameters) -> None:
    text = render(replace(local, auth=None))
    assert "ext_authz" not in text
    assert "cluster: auth" not in text


def test_without_a_collector_nothing_is_traced(local: GatewayParameters) -> None:
    assert "tracing" not in manager(local)
    assert manager(compose("collector:4317"))["tracing"]["spawn_upstream_span"] is True


def test_the_admin_interface_stays_on_the_loopback(local: GatewayParameters) -> None:
    for parameters in (local, compose(), kubernetes()):
        assert bootstrap(parameters)["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


def test_each_service_is_called_by_mutual_tls_and_by_its_name(local: GatewayParameters) -> None:
    assert not [cluster for cluster in service_clusters(local) if "transport_socket" in cluster]
    for cluster in (*service_clusters(compose()), *service_clusters(kubernetes())):
        context = cluster["transport_socket"]["typed_config"]
        assert context["sni"] == cluster["name"]
        assert context["common_tls_context"]["tls_params"]["tls_minimum_protocol_version"] == "TLSv1_3"
        validation = context["common_tls_context"]["combined_validation_context"]["default_validation_context"]
        assert validation["match_typed_subject_alt_names"][0]["matcher"] == {"exact": cluster["name"]}


def test_a_container_reads_certificates_where_they_are_mounted() -> None:
    files = secret_files(compose())
    assert set(files) == {"edge.yaml", "mesh.yaml", "mesh_authorities.yaml"}
    (edge,) = yaml.safe_load(files["edge.yaml"])["resources"]
    assert edge["tls_certificate"]["certificate_chain"] == {"filename": "/etc/shodhana/tls/tls.crt"}
    assert edge["tls_certificate"]["watched_directory"] == {"path": "/etc/shodhana/tls"}


def test_the_configuration_of_containers_is_printed_by_a_command() -> None:
    command = [sys.executable, "-m", "shodhana.stack.gateway", "kubernetes", "--origin", "https://a.example"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == render(kubernetes(origins=("https://a.example",)))


def test_trap_3_a_call_ends_by_one_rule_and_its_service_is_told_when(local: GatewayParameters) -> None:
    for route in routes_of(local):
        if "name" in route:
            assert "timeout" not in route["route"]
            (header,) = route["request_headers_to_add"]
            assert header["header"]["value"] == f"{route['route']['max_stream_duration']['max_stream_duration'][:-1]}S"
            assert header["append_action"] == "ADD_IF_ABSENT"


def test_filters_stand_in_their_order(local: GatewayParameters) -> None:
    names = [found["name"].rpartition(".")[2] for found in manager(local)["http_filters"]]
    assert names == [
        *("health", "ready", "cors", "buffer", "lua", "grpc_web", "grpc_json_transcoder"),
        *("ext_authz", "jwt_authn", "rbac", "local_ratelimit", "grpc_stats", "router"),
    ]


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("GetJob", LOOK_UP),
        ("ListCases", LOOK_UP),
        ("Search", LOOK_UP),
        ("Tokenize", LOOK_UP),
        ("BatchSearch", COMPUTATION),
        ("Embed", COMPUTATION),
        ("CorrectTranscript", WRITE),
        ("CreateCases", WRITE),
        ("DecideCase", WRITE),
        ("WatchJob", STREAM),
        ("EmbedStream", STREAM),
    ],
)
def test_each_kind_of_call_has_its_policy(name: str, policy: object) -> None:
    assert policy_of(RPCS[name]) is policy


def test_only_reads_are_sent_again_after_they_may_have_arrived(local: GatewayParameters) -> None:
    for route in routes_of(local):
        if "name" not in route:
            continue
        rpc = RPCS[route["name"].rpartition("/")[2]]
        again = set(route["route"]["retry_policy"]["retry_on"].split(","))
        if not rpc.is_read or rpc.server_streams:
            assert again == {"connect-failure", "refused-stream"}, rpc.path
        else:
            assert {"reset", "unavailable"} < again, rpc.path


def service_clusters(parameters: GatewayParameters) -> list[dict[str, Any]]:
    found = yaml.safe_load(render(parameters))["static_resources"]["clusters"]
    return [cluster for cluster in found if cluster["name"] in SERVICES]


def manager(parameters: GatewayParameters) -> dict[str, Any]:
    listener = bootstrap(parameters)["static_resources"]["listeners"][0]
    found: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def routes_of(parameters: GatewayParameters) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = manager(parameters)["route_config"]["virtual_hosts"][0]["routes"]
    return found
