"""Manifests of Kubernetes, and what is looked up in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import yaml

Document = dict[str, Any]


def read(text: str) -> list[Document]:
    """Every document of a file."""
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def of_kinds(documents: Iterable[Document], kinds: tuple[str, ...]) -> list[Document]:
    return [document for document in documents if document["kind"] in kinds]


def name(document: Document) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def pod(workload: Document) -> Document:
    spec: Document = workload["spec"]["template"]["spec"]
    return spec


def labels(workload: Document) -> dict[str, str]:
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def containers(workload: Document) -> list[Document]:
    return [*pod(workload).get("initContainers", []), *pod(workload)["containers"]]


def spec_replicas(workload: Document) -> int | None:
    """None: an autoscaler's to say."""
    if workload["kind"] == "StatefulSet":
        return int(workload["spec"].get("replicas", 1))
    return workload["spec"].get("replicas")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a document, with the path to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{number}]")
    elif isinstance(value, str):
        yield path.lstrip("."), value


def ports(service: Document) -> list[int]:
    return [port["port"] for port in service.get("spec", {}).get("ports", [])]


def references(workload: Document) -> Iterator[tuple[str, str]]:
    """Kind and name of what a workload needs to be there."""
    yield "ServiceAccount", pod(workload).get("serviceAccountName", "default")
    for volume in pod(workload).get("volumes", []):
        for source in [volume, *volume.get("projected", {}).get("sources", [])]:
            if "secret" in source:
                yield "Secret", source["secret"].get("secretName") or source["secret"]["name"]
            if "configMap" in source:
                yield "ConfigMap", source["configMap"]["name"]
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
    for container in containers(workload):
        for source in container.get("envFrom", []):
            yield "ConfigMap", source["configMapRef"]["name"]


def selects(selector: dict[str, str], found: dict[str, str]) -> bool:
    return all(found.get(key) == value for key, value in selector.items())
