"""What is asked of the database in the manifests: that it is backed up, and that its connections are enough."""

from __future__ import annotations

import re
from collections.abc import Iterator

from manifests import Document, containers, labels, name, of_kinds, spec_replicas
from shodhana.runtime.settings import RuntimeSettings

RESERVED = 30
"""Connections for what is no service: migrations, KEDA, the operator and its exporter, whoever looks after it."""
MAX_CONNECTIONS = re.compile(r"^max_connections=(\d+)$")


def backup_faults(documents: list[Document]) -> Iterator[str]:
    """Each cluster of Postgres is backed up by the clock, and archives its log where a store is named."""
    scheduled = {document["spec"]["cluster"]["name"] for document in of_kinds(documents, ("ScheduledBackup",))}
    stores = {document["metadata"]["name"] for document in of_kinds(documents, ("ObjectStore",))}
    for cluster in of_kinds(documents, ("Cluster",)):
        if cluster["metadata"]["name"] not in scheduled:
            yield f"{name(cluster)}: nothing backs it up"
        plugins = cluster["spec"].get("plugins", [])
        archived = {one["parameters"]["barmanObjectName"] for one in plugins if one.get("isWALArchiver")}
        if not archived or archived - stores:
            yield f"{name(cluster)}: its log is archived nowhere"


def connection_faults(documents: list[Document]) -> Iterator[str]:
    """Every pool of every replica may be full, and the database still answers who looks after it."""
    wanted = RESERVED + sum(
        most_replicas(documents, user) * pool_of(documents, user)
        for user in of_kinds(documents, ("Deployment",))
        if labels(user).get("shodhana/uses-database") == "true"
    )
    for database in of_kinds(documents, ("Cluster", "StatefulSet")):
        given = max_connections(database)
        if given is not None and given < wanted:
            yield f"{name(database)}: max_connections is {given}, replicas times pools are {wanted}"


def most_replicas(documents: list[Document], workload: Document) -> int:
    """As many as its autoscaler may start, and the one more of a rolling update."""
    most = spec_replicas(workload) or 1
    for scaler in of_kinds(documents, ("HorizontalPodAutoscaler", "ScaledObject")):
        if scaler["spec"]["scaleTargetRef"]["name"] == workload["metadata"]["name"]:
            most = scaler["spec"].get("maxReplicas") or scaler["spec"]["maxReplicaCount"]
    return int(most) + int(workload["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxSurge", 0))


def pool_of(documents: list[Document], workload: Document) -> int:
    """POOL_MAX as the process reads it: its own, or everybody's, or what it is where nobody says."""
    own = {one["name"]: one.get("value") for one in containers(workload)[-1].get("env", [])}
    shared = {
        key: value
        for document in of_kinds(documents, ("ConfigMap",))
        if document["metadata"]["name"] == "configuration"
        for key, value in document["data"].items()
    }
    return int(own.get("POOL_MAX") or shared.get("POOL_MAX") or RuntimeSettings.model_fields["pool_max"].default)


def max_connections(database: Document) -> int | None:
    """None: this is no Postgres."""
    if database["kind"] == "Cluster":
        return int(database["spec"]["postgresql"]["parameters"]["max_connections"])
    arguments = [argument for container in containers(database) for argument in container.get("args", [])]
    found = [match for argument in arguments if (match := MAX_CONNECTIONS.match(argument))]
    return int(found[0][1]) if found else None
