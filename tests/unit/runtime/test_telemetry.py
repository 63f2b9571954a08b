"""Logs and span attributes, in a process of their own: both are set up once a process."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import logging
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from shodhana.runtime import telemetry
from shodhana.runtime.settings import RuntimeSettings

telemetry.set_up(RuntimeSettings(service_name="review"))
trace.set_tracer_provider(TracerProvider())
telemetry.annotate(lost=1)
assert telemetry.exemplar() is None
with telemetry.tracer.start_as_current_span("work") as span:
    telemetry.annotate(cue_count=3, degraded=False)
    logging.getLogger("asyncpg").warning("lost %s", "śabda")
    structlog.get_logger().info("done", count=1)
    assert telemetry.exemplar() == {"trace_id": telemetry.trace_id()}
    print(telemetry.trace_id(), dict(span.attributes))
"""


def test_lines_of_libraries_and_our_own_carry_the_trace_and_spans_what_they_are_told() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    ours, shown = done.stdout.splitlines()
    theirs = json.loads(done.stderr.splitlines()[-1])
    trace_id, _, attributes = shown.partition(" ")
    assert theirs["event"] == "lost śabda"
    assert (theirs["logger"], theirs["level"], theirs["service"]) == ("asyncpg", "warning", "review")
    assert {theirs["trace_id"], json.loads(ours)["trace_id"]} == {trace_id}
    assert attributes == "{'shodhana.cue_count': 3, 'shodhana.degraded': False}"
