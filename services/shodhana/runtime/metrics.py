"""Prometheus collectors shared by all services, and the page they are read from."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, start_http_server

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SCORES = (0.1, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)

RPC_DURATION = Histogram(
    "rpc_server_call_duration_seconds",
    "Time from the arrival of a call to its end.",
    ["rpc_service", "rpc_method", "rpc_response_status_code"],
    buckets=SECONDS,
)
PROCESSING_DURATION = Histogram(
    "processing_duration_seconds", "Time to correct one file.", ["format"], buckets=(*SECONDS, 60, 120, 300)
)
ACADEMIC_SCORE = Histogram("academic_excellence_score", "Academic score of the files scored.", buckets=SCORES)
CACHE_HITS = Counter("cache_hits_total", "Values found in a cache.", ["cache_type"])
CACHE_MISSES = Counter("cache_misses_total", "Values not found in a cache.", ["cache_type"])
REVIEW_QUEUE_LENGTH = Gauge("expert_review_queue_length", "Cases that wait for an expert.", ["domain"])
FILES_PROCESSED = Counter("files_processed_total", "Files whose correction ended.", ["outcome"])
BREAKER_STATE = Gauge("circuit_breaker_open", "1 while the breaker lets nothing through.", ["breaker"])


def serve(address: str) -> None:
    """Answers `GET /metrics` at `host:port` from a thread of its own (OpenMetrics with exemplars where asked for)."""
    host, _, port = address.rpartition(":")
    start_http_server(int(port), addr=host)
