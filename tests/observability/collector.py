"""A collector of traces in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span

ARRIVES_S = 60


@dataclass
class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans that it is sent over OTLP/gRPC, each with its service."""

    spans: list[tuple[str, Span]] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)
    """Of each export."""
    port: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def Export(self, request: Any, context: Any) -> Any:
        self.metadata.append(dict(context.invocation_metadata()))
        for resource in request.resource_spans:
            attributes = {item.key: item.value.string_value for item in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans.extend((attributes.get("service.name", ""), span) for span in scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()

    def of(self, trace_id: str) -> list[tuple[str, Span]]:
        """Service and span of a trace, by its hexadecimal id."""
        return [(service, span) for service, span in list(self.spans) if span.trace_id.hex() == trace_id]

    def of_trace(self, trace_id: str, count: int) -> list[Span]:
        """The spans of a trace, once there are `count`."""
        ends_at = time.monotonic() + ARRIVES_S
        while len(found := self.of(trace_id)) < count:
            assert time.monotonic() < ends_at, f"{len(found)} spans of {count}"
            time.sleep(0.05)
        return [span for _, span in found]


@contextmanager
def running_collector() -> Iterator[Collector]:
    server = grpc.server(ThreadPoolExecutor(2))
    collector = Collector(port=server.add_insecure_port("127.0.0.1:0"))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    server.start()
    try:
        yield collector
    finally:
        server.stop(None).wait()
