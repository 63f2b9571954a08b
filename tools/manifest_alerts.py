"""That alerts reach somebody: what Prometheus names is there, and it may call that."""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from manifests import Document, labels, name, of_kinds, pod, ports, selects

LONG_LIVED = ("Deployment", "StatefulSet")


def alert_faults(documents: list[Document]) -> Iterator[str]:
    """Each Alertmanager that a Prometheus tells is a Service, which the policies let it call."""
    services = {document["metadata"]["name"]: document for document in of_kinds(documents, ("Service",))}
    for prometheus in of_kinds(documents, LONG_LIVED):
        for host, port in alertmanagers(documents, prometheus):
            if port not in ports(services.get(host, {})):
                yield f"{name(prometheus)}: tells {host}:{port} of alerts, which no Service has"
            elif not may_call(documents, prometheus, services[host], port):
                yield f"{name(prometheus)}: no policy lets it tell {host}:{port} of alerts"


def alertmanagers(documents: list[Document], workload: Document) -> Iterator[tuple[str, int]]:
    """Host and port of each that a configuration which the workload mounts names."""
    mounted = {volume.get("configMap", {}).get("name") for volume in pod(workload).get("volumes", [])}
    for found in of_kinds(documents, ("ConfigMap",)):
        if found["metadata"]["name"] not in mounted:
            continue
        for file, text in found.get("data", {}).items():
            if file.endswith((".yml", ".yaml")):
                content = yaml.safe_load(text) or {}
                for one in content.get("alerting", {}).get("alertmanagers", []):
                    yield from ((host, sd["port"]) for sd in one["dns_sd_configs"] for host in sd["names"])


def may_call(documents: list[Document], caller: Document, service: Document, port: int) -> bool:
    """Whether one policy lets the caller out to the service's pods, and one lets it in there."""
    policies = of_kinds(documents, ("NetworkPolicy",))
    called = next(one for one in of_kinds(documents, LONG_LIVED) if selects(service["spec"]["selector"], labels(one)))
    outward = [rule for one in policies if holds_for(one, caller) for rule in one["spec"].get("egress", [])]
    inward = [rule for one in policies if holds_for(one, called) for rule in one["spec"].get("ingress", [])]
    return any(opens(rule, "to", called, port) for rule in outward) and any(
        opens(rule, "from", caller, port) for rule in inward
    )


def holds_for(policy: Document, workload: Document) -> bool:
    return is_chosen(policy["spec"]["podSelector"], workload)


def opens(rule: Document, direction: str, workload: Document, port: int) -> bool:
    """Whether a rule names the workload among those of its direction, and the port."""
    if port not in [one["port"] for one in rule.get("ports", [])]:
        return False
    return any("podSelector" in peer and is_chosen(peer["podSelector"], workload) for peer in rule.get(direction, []))


def is_chosen(selector: Document, workload: Document) -> bool:
    found = labels(workload)
    listed = all(found.get(one["key"]) in one.get("values", ()) for one in selector.get("matchExpressions", []))
    return listed and selects(selector.get("matchLabels", {}), found)
