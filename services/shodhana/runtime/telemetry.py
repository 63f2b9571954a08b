"""Traces over OTLP, off where no endpoint is set; structured logs that carry the trace id."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Mapping

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
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .settings import RuntimeSettings

PROPAGATOR = TraceContextTextMapPropagator()
EXPORT_DELAY_MS = 500
EXPORT_TIMEOUT_S = 3  # with its retries; so long the end of a process may wait for a collector that is away
tracer = trace.get_tracer("shodhana")
_NOT_SAMPLED = re.compile("00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f][02468ace]")
_to_json = json.JSONEncoder(ensure_ascii=False, default=repr).encode  # made once: json.dumps makes one each time


def set_up(settings: RuntimeSettings) -> None:
    """Configures logs, and traces where `OTEL_EXPORTER_OTLP_ENDPOINT` is set. Once a process."""
    _set_up_logs(settings)
    if not settings.otel_exporter_otlp_endpoint:
        return
    resource = Resource.create({"service.name": settings.service_name, "service.instance.id": str(os.getpid())})
    provider = TracerProvider(resource=resource, sampler=ParentBasedTraceIdRatio(settings.trace_sampling))
    endpoint = settings.otel_exporter_otlp_endpoint
    insecure = not endpoint.startswith("https:")
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=insecure, timeout=EXPORT_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_DELAY_MS))
    trace.set_tracer_provider(provider)
    AsyncPGInstrumentor().instrument()
    RedisInstrumentor().instrument()


def shut_down() -> None:
    """Sends what is left."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def start_server_span(name: str, headers: Mapping[str, str], attributes: Mapping[str, str]) -> Span:
    """The span of a call that arrived, already the present one; it is ended by who asked for it.

    Where the caller decided not to sample, its own context is handed on and no span is made: that is most calls, and
    a tenth of the cost.
    """
    not_sampled = _NOT_SAMPLED.fullmatch(headers.get("traceparent", ""))
    span: Span
    if not_sampled:
        trace_id, span_id = not_sampled.groups()
        span = NonRecordingSpan(SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True))
    else:
        span = tracer.start_span(name, extract(headers), SpanKind.SERVER, dict(attributes))
    otel_context.attach(trace.set_span_in_context(span))  # for good: each RPC is a task with a context of its own
    return span


def extract(carrier: Mapping[str, str]) -> otel_context.Context:
    """The context of a W3C `traceparent`."""
    return PROPAGATOR.extract(carrier)


def inject(carrier: dict[str, str]) -> dict[str, str]:
    """Adds the present context as W3C `traceparent`."""
    PROPAGATOR.inject(carrier)
    return carrier


def annotate(**attributes: str | int | float | bool) -> None:
    """Adds `shodhana.<name>` to the present span: what traces are found and kept by."""
    span = trace.get_current_span()
    if span.is_recording():
        for name, value in attributes.items():
            span.set_attribute(f"shodhana.{name}", value)


def exemplar() -> dict[str, str] | None:
    """What links an observation to the present trace; None where that is not kept."""
    return {"trace_id": trace_id()} if trace.get_current_span().is_recording() else None


def trace_id() -> str:
    """The present trace's id, 32 hexadecimal digits; empty where nothing is recorded."""
    return trace_id_of(trace.get_current_span())


def trace_id_of(span: Span) -> str:
    """The id of a span's trace, 32 hexadecimal digits; empty where there is none."""
    found = span.get_span_context()
    return trace.format_trace_id(found.trace_id) if found.is_valid else ""


def _set_up_logs(settings: RuntimeSettings) -> None:
    described: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace(settings.service_name),
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer(serializer=lambda event, **_: _to_json(event))
    structlog.configure(
        processors=[*described, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level)),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=settings.log_level, handlers=[_library_log(described, render)])


def _library_log(described: list[structlog.typing.Processor], render: structlog.typing.Processor) -> logging.Handler:
    """Writes what libraries log as lines of the same kind, with the logger's name."""
    handler = logging.StreamHandler(sys.stderr)
    without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *described], processors=[without_meta, render]
        )
    )
    return handler


def _add_trace(service: str) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service
        if "trace_id" not in event and (found := trace_id()):
            event["trace_id"] = found
        return event

    return add
