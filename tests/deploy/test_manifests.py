"""The manifests keep to the rules, and each rule notices when they do not."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
from shodhana.stack.places import PROJECT

Documents = list[dict[str, Any]]
Mistake = Callable[[Documents], None]


def one(documents: Documents, kind: str, name: str) -> dict[str, Any]:
    return next(found for found in documents if found["kind"] == kind and found["metadata"]["name"] == name)


def pod(documents: Documents, name: str = "quality", kind: str = "Deployment") -> dict[str, Any]:
    found: dict[str, Any] = one(documents, kind, name)["spec"]["template"]["spec"]
    return found


def container(documents: Documents, name: str = "quality") -> dict[str, Any]:
    found: dict[str, Any] = pod(documents, name)["containers"][0]
    return found


def drop(documents: Documents, kind: str, name: str) -> None:
    documents.remove(one(documents, kind, name))


def add_secret(documents: Documents) -> None:
    metadata = {"name": "stray", "namespace": "sanskrit-processing"}
    documents.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})


def add_second_scaler(documents: Documents) -> None:
    second = copy.deepcopy(one(documents, "HorizontalPodAutoscaler", "quality"))
    second["metadata"]["name"] = "worker"
    second["spec"]["scaleTargetRef"]["name"] = "worker"
    documents.append(second)


CONFIGURATION = ("ConfigMap", "configuration")
MISTAKES: dict[str, Mistake] = {
    "may run as root": lambda all_: pod(all_)["securityContext"].update(runAsNonRoot=False),
    "no seccomp profile": lambda all_: pod(all_)["securityContext"].pop("seccompProfile"),
    "shares a namespace with its node": lambda all_: pod(all_).update(hostNetwork=True),
    "mounts a path of its node": lambda all_: pod(all_)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    "holds a token of the cluster's API": lambda all_: pod(all_).update(automountServiceAccountToken=True),
    "its replicas are not spread": lambda all_: pod(all_).pop("topologySpreadConstraints"),
    "its root can be written": lambda all_: container(all_)["securityContext"].update(readOnlyRootFilesystem=False),
    "has capabilities": lambda all_: container(all_)["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
    "may gain privileges": lambda all_: container(all_)["securityContext"].pop("allowPrivilegeEscalation"),
    "no limits of memory": lambda all_: container(all_)["resources"]["limits"].pop("memory"),
    "names no version": lambda all_: container(all_).update(image="shodhana-quality:latest"),
    "no startupProbe": lambda all_: container(all_).pop("startupProbe"),
    "readiness is not asked by gRPC": lambda all_: container(all_).update(readinessProbe={"tcpSocket": {"port": 1}}),
    "would be restarted for what it lacks": lambda all_: container(all_)["livenessProbe"]["grpc"].pop("service"),
    "quality: does not show its own certificate": lambda all_: next(
        volume for volume in pod(all_)["volumes"] if volume["name"] == "mesh"
    )["projected"]["sources"][0]["secret"].update(name="mesh-review"),
    "is not made out to quality for both ends": lambda all_: one(all_, "Certificate", "mesh-quality")["spec"].update(
        dnsNames=["review"]
    ),
    "nothing backs it up": lambda all_: drop(all_, "ScheduledBackup", "postgres"),
    "its log is archived nowhere": lambda all_: drop(all_, "ObjectStore", "backup"),
    "replicas times pools are": lambda all_: one(all_, *CONFIGURATION)["data"].update(POOL_MAX="8"),
    "tells alertmanager:9093 of alerts, which no": lambda all_: drop(all_, "Service", "alertmanager"),
    "no policy lets it tell alertmanager:9093": lambda all_: drop(all_, "NetworkPolicy", "alertmanager"),
    "secrets are made by": add_secret,
    "POSTGRES_PASSWORD holds a secret": lambda all_: (
        container(all_).setdefault("env", []).append({"name": "POSTGRES_PASSWORD", "value": "hunter2"})
    ),
    "data.REDIS_URL holds a secret": lambda all_: one(all_, *CONFIGURATION)["data"].update(
        REDIS_URL="redis://:hunter2@cache:6379"
    ),
    "does not enforce the restricted profile": lambda all_: one(all_, "Namespace", "sanskrit-processing")[
        "metadata"
    ].pop("labels"),
    "not in sanskrit-processing": lambda all_: one(all_, "Service", "quality")["metadata"].update(namespace="default"),
    "nothing denies what is not allowed": lambda all_: drop(all_, "NetworkPolicy", "default-deny"),
    "nobody may call quality": lambda all_: drop(all_, "NetworkPolicy", "quality"),
    "the specification says 0.85": lambda all_: one(all_, *CONFIGURATION)["data"].update(MIN_ACADEMIC_SCORE="0.5"),
    "no setting reads BATCHSIZE": lambda all_: one(all_, *CONFIGURATION)["data"].update(BATCHSIZE="100"),
    "no setting of identity reads ISSUER": lambda all_: one(all_, "ConfigMap", "login")["data"].update(ISSUER="x"),
    "which no Service has": lambda all_: one(all_, *CONFIGURATION)["data"].update(
        QUALITY_ADDRESSES="dns:///quality:50052"
    ),
    "Secret quality-2 does not exist": lambda all_: next(
        volume for volume in pod(all_)["volumes"] if volume["name"] == "secrets"
    )["secret"].update(secretName="quality-2"),
    "selects no pod": lambda all_: one(all_, "Service", "quality")["spec"].update(selector={"app": "quality"}),
    "no pod has the port http": lambda all_: one(all_, "Service", "quality")["spec"]["ports"][0].update(
        targetPort="http"
    ),
    "not 3 to 20": lambda all_: one(all_, "HorizontalPodAutoscaler", "quality")["spec"].update(minReplicas=1),
    "not by cpu 70 % and memory 80 %": lambda all_: one(all_, "HorizontalPodAutoscaler", "quality")["spec"][
        "metrics"
    ].pop(),
    "Deployment quality: not scaled": lambda all_: drop(all_, "HorizontalPodAutoscaler", "quality"),
    "Deployment worker: scaled by two": add_second_scaler,
    "and so does its autoscaler": lambda all_: one(all_, "Deployment", "quality")["spec"].update(replicas=3),
    "no PodDisruptionBudget": lambda all_: drop(all_, "PodDisruptionBudget", "quality"),
    "Job migrations: stays for ever": lambda all_: one(all_, "Job", "migrations")["spec"].pop(
        "ttlSecondsAfterFinished"
    ),
}


def test_what_production_gets_keeps_every_rule(prod: Documents) -> None:
    import manifest_rules

    assert list(manifest_rules.faults(prod)) == []


def test_what_is_tried_out_keeps_them_too(dev: Documents) -> None:
    import manifest_rules

    assert list(manifest_rules.faults(dev, is_small=True)) == []


@pytest.mark.parametrize("told", list(MISTAKES))
def test_a_planted_mistake_is_told(prod: Documents, told: str) -> None:
    import manifest_rules

    documents: Documents = pickle.loads(pickle.dumps(prod))
    MISTAKES[told](documents)
    assert any(told in fault for fault in manifest_rules.faults(documents))


def test_an_upgrade_lets_every_job_go_first(prod: Documents) -> None:
    step = next(
        line for line in (PROJECT / "docs" / "deployment.md").read_text().splitlines() if " delete job " in line
    )
    jobs = {found["metadata"]["name"] for found in prod if found["kind"] == "Job"}
    assert jobs <= set(step.split())


CALL = re.compile(r"\b_?channel\(\"([a-z]+)\"")


@pytest.mark.parametrize("deployment", ["similarity", "quality", "review", "transcripts", "worker"])
def test_a_service_may_call_whom_its_code_calls(prod: Documents, deployment: str) -> None:
    service = "transcripts" if deployment == "worker" else deployment
    sources = (PROJECT / "services" / "shodhana" / service).glob("*.py")
    called = {name for source in sources for name in CALL.findall(source.read_text())} | {"identity"}
    labels = one(prod, "Deployment", deployment)["spec"]["template"]["metadata"]["labels"]
    assert called == {label.removeprefix("shodhana/calls-") for label in labels if label.startswith("shodhana/calls-")}
