"""What the availability objective is measured by: each answer is counted once, whoever gave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from shodhana.api.embedding.v1 import embedding_pb2, embedding_pb2_grpc

if TYPE_CHECKING:
    from conftest import Gateway

EMBED = "/v1/embeddings:embed"


async def embed(gateway: Gateway, model: str) -> None:
    """A gRPC call that fails."""
    async with gateway.channel() as channel:
        stub = embedding_pb2_grpc.EmbeddingServiceStub(channel)
        request = embedding_pb2.EmbedRequest(model=model, texts=["a"])
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.Embed(request, metadata=gateway.metadata(), timeout=10)


def counted(gateway: Gateway) -> dict[tuple[str, str], int]:
    """Calls to the embedding service by HTTP status and gRPC status, from the page that Prometheus reads."""
    page = httpx.get(f"http://{gateway.parameters.admin}/stats/prometheus?usedonly").text
    families = (family for family in text_string_to_metric_families(page) if family.name == "envoy_gateway_calls")
    samples = [sample for family in families for sample in family.samples if sample.labels["service"] == "embedding"]
    return {(one.labels["http_status"], one.labels["grpc_status"]): int(one.value) for one in samples}


async def test_each_answer_is_counted_once_with_the_status_the_caller_saw(own_gateway: Gateway) -> None:
    with own_gateway.client() as client:
        for model in ("", "invalid", "internal"):
            client.post(EMBED, json={"model": model, "texts": ["a"]})
        await embed(own_gateway, "unavailable")
        for replica in own_gateway.replicas:
            replica.kill()
        own_gateway.wait_until_healthy(0)
        assert client.post(EMBED, json={"model": "", "texts": ["a"]}).status_code == 503
    await embed(own_gateway, "")
    found = counted(own_gateway)
    rest = {status: count for (status, _), count in found.items() if status != "200"}  # their gRPC status is a guess
    assert rest == {"400": 1, "500": 1, "503": 1}
    assert found[("200", "OK")] == 1
    assert found[("200", "Unavailable")] >= 2  # the replica's and the gateway's; grpc may try the latter again
    assert len(found) == 5
