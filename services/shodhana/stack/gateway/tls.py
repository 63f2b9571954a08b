"""Certificates by Envoy's own secret discovery, out of files: taken anew when their folders change, without a restart.

Envoy reads each secret as a file of its own (`<folder>/<name>.yaml`), which names the files of the certificate and the
folder to watch. What is watched for is a rename in that folder, as the kubelet and `certificates.publishing` make it.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from .parameters import GatewayParameters
from .values import Config, typed

EDGE, MESH, AUTHORITIES = "edge", "mesh", "mesh_authorities"
NAMES = "extensions.transport_sockets.tls.v3"
CIPHERS = [
    f"ECDHE-{key}-{cipher}"
    for cipher in ("AES256-GCM-SHA384", "CHACHA20-POLY1305", "AES128-GCM-SHA256")
    for key in ("ECDSA", "RSA")
]
"""Of TLS 1.2; those of 1.3 are fixed."""


def secret_files(parameters: GatewayParameters) -> dict[str, str]:
    """What is to stand in the folder `parameters.secrets`, by file name."""
    found = {EDGE: {"tls_certificate": pair(parameters.certificate, parameters.private_key)}}
    if tls := parameters.upstream_tls:
        found[MESH] = {"tls_certificate": pair(tls.certificate, tls.private_key)}
        trusted = {"filename": str(tls.authority)}
        found[AUTHORITIES] = {"validation_context": {"trusted_ca": trusted, **watched(tls.authority)}}
    return {f"{name}.yaml": secret(name, content) for name, content in found.items()}


def write_secrets(parameters: GatewayParameters) -> None:
    """Writes them; Envoy does not start without."""
    parameters.secrets.mkdir(parents=True, exist_ok=True)
    for name, text in secret_files(parameters).items():
        (parameters.secrets / name).write_text(text)


def downstream_tls(parameters: GatewayParameters) -> Config:
    """TLS 1.2 and 1.3 with forward secrecy and authenticated ciphers only."""
    context = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": {
            "tls_minimum_protocol_version": "TLSv1_2",
            "tls_maximum_protocol_version": "TLSv1_3",
            "cipher_suites": CIPHERS,
        },
        "tls_certificate_sds_secret_configs": [discovered(parameters.secrets, EDGE)],
    }
    return socket(typed(f"{NAMES}.DownstreamTlsContext", common_tls_context=context))


def upstream_tls(service: str, parameters: GatewayParameters, protocol: str = "h2") -> Config:
    """The part of a cluster that says how its service is spoken to: mutual TLS, or nothing.

    Envoy as a client stops at 1.2 unless both bounds are set.
    """
    if parameters.upstream_tls is None:
        return {}
    made_out_to = [{"san_type": "DNS", "matcher": {"exact": service}}]
    context = {
        "alpn_protocols": [protocol],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificate_sds_secret_configs": [discovered(parameters.secrets, MESH)],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": made_out_to},
            "validation_context_sds_secret_config": discovered(parameters.secrets, AUTHORITIES),
        },
    }
    return {"transport_socket": socket(typed(f"{NAMES}.UpstreamTlsContext", sni=service, common_tls_context=context))}


def socket(context: Config) -> Config:
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def discovered(folder: Path, name: str) -> Config:
    """Where Envoy finds a secret."""
    source = {"path": str(folder / f"{name}.yaml")}
    return {"name": name, "sds_config": {"path_config_source": source, "resource_api_version": "V3"}}


def pair(certificate: Path, key: Path) -> Config:
    files = {"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(key)}}
    return {**files, **watched(certificate)}


def watched(path: Path) -> Config:
    return {"watched_directory": {"path": str(path.parent)}}


def secret(name: str, content: Config) -> str:
    return yaml.safe_dump({"resources": [typed(f"{NAMES}.Secret", name=name, **content)]}, sort_keys=False)
