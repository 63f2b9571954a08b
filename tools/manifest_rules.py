"""What every manifest of Kubernetes has to keep to: each rule yields what breaks it, in words.

kubectl kustomize deploy/kubernetes/overlays/prod | .venv/bin/python tools/manifest_rules.py
kubectl kustomize deploy/kubernetes/overlays/dev | .venv/bin/python tools/manifest_rules.py --small
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator

from deployment_secrets import OPEN_NAMES, SECRET_NAMES
from manifest_alerts import alert_faults
from manifest_database import backup_faults, connection_faults
from manifests import (
    Document,
    containers,
    labels,
    leaves,
    name,
    of_kinds,
    pod,
    ports,
    read,
    references,
    selects,
    spec_replicas,
)
from shodhana.embedding.settings import EmbeddingSettings
from shodhana.identity.settings import IdentitySettings
from shodhana.quality.settings import QualitySettings
from shodhana.review.settings import ReviewSettings
from shodhana.similarity.settings import SimilaritySettings
from shodhana.transcripts.settings import TranscriptsSettings

NAMESPACE = "sanskrit-processing"
SERVICES = {
    "embedding": EmbeddingSettings,
    "similarity": SimilaritySettings,
    "quality": QualitySettings,
    "review": ReviewSettings,
    "transcripts": TranscriptsSettings,
    "identity": IdentitySettings,
}
HEALTH_PORT = 50052
LONG_LIVED = ("Deployment", "StatefulSet")
WORKLOADS = (*LONG_LIVED, "Job")
CLUSTER_WIDE = ("Namespace", "ClusterRole", "ClusterRoleBinding")
SPECIFIED = {
    "BATCH_SIZE": "100",
    "MIN_ACADEMIC_SCORE": "0.85",
    "IAST_COMPLIANCE_THRESHOLD": "0.90",
    "PROCESSING_MODE": "standard",
    "ENABLE_EPIC_3": "true",
}
ASKS_THE_CLUSTER = ("prometheus",)
"""The only pods that may hold a token of the cluster's API."""
OUTSIDE_SETTINGS = {"SECRETS_DIR"}
SECRET_NAME = re.compile(r"password|secret|token|_url$|_key$|credential", re.IGNORECASE)
SECRET_VALUE = re.compile(r"://[^/@\s]*:[^/@\s]+@|BEGIN [A-Z ]*PRIVATE KEY")
HARMLESS = re.compile(r"^(/|https?://[^@]*$|\$)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="for trying out: fewer replicas, stores without a second")
    found = list(faults(read(sys.stdin.read()), is_small=parser.parse_args().small))
    print("\n".join(found) or "manifests: every rule is kept")
    return 1 if found else 0


def faults(documents: list[Document], is_small: bool = False) -> Iterator[str]:
    """Every fault, by all rules."""
    for workload in of_kinds(documents, WORKLOADS):
        yield from pod_faults(workload)
        for container in containers(workload):
            yield from container_faults(workload, container)
    for rule in (secret_faults, namespace_faults, network_faults, configuration_faults, reference_faults, grpc_faults):
        yield from rule(documents)
    yield from job_faults(documents)
    yield from certificate_faults(documents)
    yield from backup_faults(documents)
    yield from connection_faults(documents)
    yield from alert_faults(documents)
    yield from scaling_faults(documents, is_small)
    yield from disruption_faults(documents, is_small)


def pod_faults(workload: Document) -> Iterator[str]:
    """Pod Security "restricted", and no token that nobody uses."""
    spec, security = pod(workload), pod(workload).get("securityContext", {})
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield f"{name(workload)}: may run as root"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield f"{name(workload)}: no seccomp profile"
    if any(spec.get(shared) for shared in ("hostNetwork", "hostPID", "hostIPC")):
        yield f"{name(workload)}: shares a namespace with its node"
    if any("hostPath" in volume for volume in spec.get("volumes", [])):
        yield f"{name(workload)}: mounts a path of its node"
    if workload["metadata"]["name"] not in ASKS_THE_CLUSTER and spec.get("automountServiceAccountToken") is not False:
        yield f"{name(workload)}: holds a token of the cluster's API"
    if workload["kind"] in LONG_LIVED and not spec.get("topologySpreadConstraints") and spec_replicas(workload) != 1:
        yield f"{name(workload)}: its replicas are not spread"


def container_faults(workload: Document, container: Document) -> Iterator[str]:
    """A container writes nothing, may do nothing, says how much it needs and how it is."""
    where = f"{name(workload)}, {container['name']}"
    security = container.get("securityContext", {})
    if security.get("readOnlyRootFilesystem") is not True:
        yield f"{where}: its root can be written"
    if security.get("capabilities", {}).get("drop") != ["ALL"] or security.get("capabilities", {}).get("add"):
        yield f"{where}: has capabilities"
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        yield f"{where}: may gain privileges"
    resources = container.get("resources", {})
    for kind in ("requests", "limits"):
        if missing := {"cpu", "memory"} - set(resources.get(kind, {})):
            yield f"{where}: no {kind} of {', '.join(sorted(missing))}"
    tag = container["image"].rpartition("/")[2].partition(":")[2]
    if tag in ("", "latest"):
        yield f"{where}: image {container['image']} names no version"
    if workload["kind"] in LONG_LIVED:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe not in container:
                yield f"{where}: no {probe}"


def job_faults(documents: list[Document]) -> Iterator[str]:
    """A job goes by itself: its template never changes, so one that stays holds up the next release."""
    for job in of_kinds(documents, ("Job",)):
        if "ttlSecondsAfterFinished" not in job["spec"]:
            yield f"{name(job)}: stays for ever"


def grpc_faults(documents: list[Document]) -> Iterator[str]:
    """Services are probed by gRPC's health service, and restarted only for not answering."""
    for workload in of_kinds(documents, ("Deployment",)):
        if workload["metadata"]["name"] not in SERVICES:
            continue
        container = containers(workload)[0]
        if container.get("readinessProbe", {}).get("grpc", {}).get("port") != HEALTH_PORT:
            yield f"{name(workload)}: readiness is not asked by gRPC"
        if container.get("livenessProbe", {}).get("grpc", {}).get("service") != "alive":
            yield f"{name(workload)}: would be restarted for what it lacks"


def certificate_faults(documents: list[Document]) -> Iterator[str]:
    """Each service shows its own certificate within the mesh, made out to its name for both ends of a call."""
    for workload in of_kinds(documents, ("Deployment",)):
        service = workload["metadata"]["name"]
        if service not in (*SERVICES, "worker", "gateway"):
            continue
        if ("Secret", f"mesh-{service}") not in references(workload):
            yield f"{name(workload)}: does not show its own certificate"
    for certificate in of_kinds(documents, ("Certificate",)):
        service, spec = certificate["metadata"]["name"].removeprefix("mesh-"), certificate["spec"]
        if spec["issuerRef"]["name"] != "mesh":
            continue
        if spec["dnsNames"] != [service] or not {"server auth", "client auth"} <= set(spec["usages"]):
            yield f"{name(certificate)}: is not made out to {service} for both ends"


def secret_faults(documents: list[Document]) -> Iterator[str]:
    """No secret stands in a manifest."""
    for document in documents:
        if document["kind"] == "Secret":
            yield f"{name(document)}: secrets are made by tools/deployment_secrets.py"
        for path, value in leaves(document):
            if SECRET_VALUE.search(value):
                yield f"{name(document)}: {path} holds a secret"
    for workload in of_kinds(documents, WORKLOADS):
        for container in containers(workload):
            for variable in container.get("env", []):
                value = str(variable.get("value", ""))
                if value and SECRET_NAME.search(variable["name"]) and not HARMLESS.match(value):
                    yield f"{name(workload)}: {variable['name']} holds a secret"


def namespace_faults(documents: list[Document]) -> Iterator[str]:
    """Everything stands in the one namespace, which enforces Pod Security "restricted"."""
    spaces = of_kinds(documents, ("Namespace",))
    enforced = [space["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") for space in spaces]
    if enforced != ["restricted"]:
        yield f"Namespace {NAMESPACE}: does not enforce the restricted profile"
    for document in documents:
        if document["kind"] not in CLUSTER_WIDE and document["metadata"].get("namespace") != NAMESPACE:
            yield f"{name(document)}: not in {NAMESPACE}"


def network_faults(documents: list[Document]) -> Iterator[str]:
    """Nothing is allowed that is not named, and every service is named."""
    policies = of_kinds(documents, ("NetworkPolicy",))
    denies = [
        policy
        for policy in policies
        if policy["spec"]["podSelector"] == {}
        and set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        and not policy["spec"].get("ingress")
        and not policy["spec"].get("egress")
    ]
    if not denies:
        yield "NetworkPolicy: nothing denies what is not allowed"
    opened = {policy["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name") for policy in policies}
    for service in sorted({*SERVICES, "gateway"} - opened):
        yield f"NetworkPolicy: nobody may call {service}"


def configuration_faults(documents: list[Document]) -> Iterator[str]:
    """Names are those that the settings read, and hold what the specification says."""
    maps = {document["metadata"]["name"]: document for document in of_kinds(documents, ("ConfigMap",))}
    found = maps.get("configuration", {}).get("data", {})
    for key, value in SPECIFIED.items():
        if found.get(key) != value:
            yield f"ConfigMap configuration: {key} is {found.get(key)}, the specification says {value}"
    everything = {field.upper() for settings in SERVICES.values() for field in settings.model_fields} | OUTSIDE_SETTINGS
    for key in sorted(set(found) - everything):
        yield f"ConfigMap configuration: no setting reads {key}"
    for key in sorted(set(maps.get("login", {}).get("data", {})) - fields("identity")):
        yield f"ConfigMap login: no setting of identity reads {key}"
    for workload in of_kinds(documents, ("Deployment",)):
        service = {"worker": "transcripts"}.get(workload["metadata"]["name"], workload["metadata"]["name"])
        if service in SERVICES:
            named = {variable["name"] for variable in containers(workload)[0].get("env", [])}
            for key in sorted(named - fields(service)):
                yield f"{name(workload)}: no setting reads {key}"
    services = {document["metadata"]["name"]: document for document in of_kinds(documents, ("Service",))}
    for key, value in found.items():
        host, _, port = value.removeprefix("dns:///").partition(":")
        if key.endswith("_ADDRESSES") and int(port) not in ports(services.get(host, {})):
            yield f"ConfigMap configuration: {key} names {value}, which no Service has"


def fields(service: str) -> set[str]:
    return {field.upper() for field in SERVICES[service].model_fields}


def reference_faults(documents: list[Document]) -> Iterator[str]:
    """What is referred to exists: here, or among the secrets that the tool makes."""
    there = {(document["kind"], document["metadata"]["name"]) for document in documents}
    there |= {("Secret", secret) for secret in SECRET_NAMES} | {("ConfigMap", open_name) for open_name in OPEN_NAMES}
    there |= {("Secret", document["spec"]["secretName"]) for document in of_kinds(documents, ("Certificate",))}
    for workload in of_kinds(documents, WORKLOADS):
        for reference in references(workload):
            if reference not in there:
                yield f"{name(workload)}: {' '.join(reference)} does not exist"
    workloads = of_kinds(documents, LONG_LIVED)
    for service in of_kinds(documents, ("Service",)):
        chosen = [workload for workload in workloads if selects(service["spec"]["selector"], labels(workload))]
        if not chosen:
            yield f"{name(service)}: selects no pod"
        named = {port["name"] for workload in chosen for one in containers(workload) for port in one.get("ports", [])}
        for port in service["spec"]["ports"]:
            if chosen and port["targetPort"] not in named:
                yield f"{name(service)}: no pod has the port {port['targetPort']}"


def scaling_faults(documents: list[Document], is_small: bool) -> Iterator[str]:
    """Each service from 3 to 20, by processor and memory; nothing is scaled by two."""
    scalers = of_kinds(documents, ("HorizontalPodAutoscaler", "ScaledObject"))
    targets = [scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers]
    for target in sorted({target for target in targets if targets.count(target) > 1}):
        yield f"Deployment {target}: scaled by two"
    for missing in sorted({*SERVICES, "gateway"} - set(targets)):
        yield f"Deployment {missing}: not scaled"
    for scaler in of_kinds(documents, ("HorizontalPodAutoscaler",)):
        spec = scaler["spec"]
        if not is_small and (spec.get("minReplicas"), spec.get("maxReplicas")) != (3, 20):
            yield f"{name(scaler)}: {spec.get('minReplicas')} to {spec.get('maxReplicas')} replicas, not 3 to 20"
        wanted = {
            metric["resource"]["name"]: metric["resource"]["target"]["averageUtilization"]
            for metric in spec.get("metrics", [])
        }
        if wanted != {"cpu": 70, "memory": 80}:
            yield f"{name(scaler)}: by {wanted}, not by cpu 70 % and memory 80 %"
    for workload in of_kinds(documents, ("Deployment",)):
        if workload["metadata"]["name"] in targets and "replicas" in workload["spec"]:
            yield f"{name(workload)}: says how many there are, and so does its autoscaler"


def disruption_faults(documents: list[Document], is_small: bool) -> Iterator[str]:
    """Nodes are emptied one replica at a time."""
    budgets = [
        document["spec"]["selector"]["matchLabels"] for document in of_kinds(documents, ("PodDisruptionBudget",))
    ]
    for workload in of_kinds(documents, ("Deployment",) if is_small else LONG_LIVED):
        if not any(selects(budget, labels(workload)) for budget in budgets):
            yield f"{name(workload)}: no PodDisruptionBudget"


if __name__ == "__main__":
    sys.exit(main())
