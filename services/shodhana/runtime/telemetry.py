"""Traces over OTLP, off where no endpoint is set; structured logs that carry the trace id."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .settings import RuntimeSettings

PROPAGATOR = TraceContextTextMapPropagator()
EXPORT_DELAY_MS = 500
tracer = trace.get_tracer("shodhana")


def set_up(settings: RuntimeSettings) -> None:
    """Configures logs, and traces where `OTEL_EXPORTER_OTLP_ENDPOINT` is set. Once a process."""
    _set_up_logs(settings)
    if not settings.otel_exporter_otlp_endpoint:
        return
    resource = Resource.create({"service.name": settings.service_name, "service.instance.id": str(os.getpid())})
    provider = TracerProvider(resource=resource, sampler=ParentBasedTraceIdRatio(settings.trace_sampling))
    exporter = OTLPSpanExporter(endpoint=settings.otel_exporter_otlp_endpoint, insecure=True)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_DELAY_MS))
    trace.set_tracer_provider(provider)
    AsyncPGInstrumentor().instrument()
    RedisInstrumentor().instrument()


def shut_down() -> None:
    """Sends what is left."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def extract(carrier: Mapping[str, str]) -> otel_context.Context:
    """The context of a W3C `traceparent`."""
    return PROPAGATOR.extract(carrier)


def inject(carrier: dict[str, str]) -> dict[str, str]:
    """Adds the present context as W3C `traceparent`."""
    PROPAGATOR.inject(carrier)
    return carrier


def trace_id() -> str:
    """The present trace's id, 32 hexadecimal digits; empty where nothing is recorded."""
    found = trace.get_current_span().get_span_context()
    return trace.format_trace_id(found.trace_id) if found.is_valid else ""


def _set_up_logs(settings: RuntimeSettings) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace(settings.service_name),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level)),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=settings.log_level, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


def _add_trace(service: str) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        found: dict[str, Any] = {"service": service}
        if found_trace := trace_id():
            found["trace_id"] = found_trace
        event.update(found)
        return event

    return add
