"""Prometheus collectors shared by all services, and the page they are read from."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics, start_http_server

disable_created_metrics()  # type: ignore[no-untyped-call]  # one more series for each, which nobody reads

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
WAITS = (0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600)
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
FILES_DEGRADED = Counter("files_degraded_total", "Files corrected while a part of the mesh was missing.")
FILES_TO_REVIEW = Counter("files_to_review_total", "Files corrected of which something is for a person to decide.")
PLACES_FOUND = Counter("places_found_total", "Places of corrected files, by what became of them.", ["status"])
JOB_FILES = Gauge("job_files", "Files of jobs that are not done.", ["state"])
JOB_OLDEST_WAIT = Gauge("job_oldest_wait_seconds", "How long the file has waited that waits longest for a worker.")
JOB_WAIT = Histogram(
    "job_wait_seconds", "From the creation of a job to a worker's first look at a file of it.", buckets=WAITS
)
CASES_OVERDUE = Gauge("review_cases_overdue", "Waiting cases whose time is over.", ["domain"])
OLDEST_CASE = Gauge("review_oldest_case_seconds", "Age of the oldest waiting case.", ["domain"])
REVIEW_SLA = Gauge("review_sla_seconds", "Within which a case is to be decided.")
DECISIONS = Counter("expert_decisions_total", "What experts said of cases, one by one.", ["verdict"])
SEARCHES = Counter("searches_total", "Forms searched, by whether the semantic layer took part.", ["degraded"])
EMBEDDING_STAGES = Histogram(
    "embedding_stage_seconds", "Time of a call in the queue, and in the engine.", ["model", "stage"], buckets=SECONDS
)
EMBEDDED_TEXTS = Counter("embedding_texts_total", "Texts embedded.", ["model"])
EMBEDDING_QUEUE = Gauge("embedding_queued_tokens", "Tokens that wait for the engine.", ["model"])
DECISION_TO_ACTIVE = Histogram(
    "lexicon_decision_to_active_seconds",
    "From the decision that completes a proposal to the lexicon version that holds it.",
    buckets=(1, 2.5, 5, 10, 20, 30, 45, 60, 120, 300, 900),
)
LEXICON_PROPOSALS = Gauge("lexicon_proposals", "Proposals to the lexicon.", ["state"])
REPEAT_ERROR_RATE = Gauge("review_repeat_error_rate", "Share of new cases whose words were decided before (30 days).")
AUTO_RESOLVED_SHARE = Gauge("review_auto_resolved_share", "Share of ended cases that a newer lexicon ended (30 days).")
OVERTURN_RATE = Gauge("review_overturn_rate", "Share of the sample of what passes that experts decide otherwise.")
SUGGESTION_CALIBRATION_ERROR = Gauge(
    "review_suggestion_calibration_error", "Expected calibration error of first suggestions, by decisions of 30 days."
)
REVIEW_ALPHA = Gauge("review_alpha", "Krippendorff's alpha of cases that two experts read (30 days).", ["domain"])
REVIEW_OLDEST_SLA_SHARE = Gauge("review_oldest_sla_share", "Age of the oldest waiting case over its SLA.")
BREAKER_STATE = Gauge("circuit_breaker_open", "1 while the breaker lets nothing through.", ["breaker"])
AUDIT_SEALED = Gauge("audit_sealed_timestamp_seconds", "When all that the audit log had noted was last chained.")
CERTIFICATE_ENDS = Gauge("mesh_certificate_expiry_timestamp_seconds", "When the process's own certificate ends.")
POOL_CONNECTIONS = Gauge("postgres_pool_connections", "Connections to Postgres.", ["schema", "state"])
POOL_LIMIT = Gauge("postgres_pool_limit", "Connections to Postgres that there may be.", ["schema"])
DATABASE_READS = Counter("database_reads_total", "Reads that a standby may answer.", ["schema", "target"])
REPLICA_LAG = Gauge("replica_lag_seconds", "What is older than this the standby has replayed.", ["schema"])
READY = Gauge("readiness_check_passing", "1 while a condition of readiness is met.", ["check"])


def serve(address: str) -> None:
    """Answers `GET /metrics` at `host:port` from a thread of its own (OpenMetrics with exemplars where asked for)."""
    host, _, port = address.rpartition(":")
    start_http_server(int(port), addr=host)
