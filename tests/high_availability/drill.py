"""`python -m tests.high_availability.drill`: one part after another dies under load, and what is lost is counted.

    --seconds N    of deciding in each run (20)
    --files N      of the job (200)
    --only NAME    decisions, cache or mesh

Exit code 0: nothing acknowledged was lost, nothing doubled, no answer wrong, and the counter-check, an asynchronous
standby, lost something: the drill can tell.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

import structlog

from tests.high_availability import caching, decisions, jobs
from tests.high_availability.gateways import lose_a_gateway, session_at_each
from tests.high_availability.mesh import running_mesh

LAG_S = 0.5
REPLICAS = "2"
PARTS = ("decisions", "cache", "mesh")


class Table:
    """A line for each thing that was done; whether all was as it has to be."""

    def __init__(self) -> None:
        self.is_right = True

    def add(self, what: str, is_right: bool, **figures: object) -> None:
        self.is_right &= is_right
        told = ", ".join(f"{name.replace('_', ' ')} {_shown(figure)}" for name, figure in figures.items())
        print(f"{'ok ' if is_right else 'BAD'}  {what:<34} {told}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--only", choices=PARTS, action="append")
    arguments = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    table, chosen = Table(), arguments.only or PARTS
    if "decisions" in chosen:
        lose_the_primary(table, arguments.seconds)
    if "cache" in chosen:
        lose_a_node(table)
    if "mesh" in chosen:
        lose_parts_of_a_mesh(table, arguments.files)
    return 0 if table.is_right else 1


def lose_the_primary(table: Table, seconds: float) -> None:
    courses = {
        "primary dies, standby at hand": decisions.Course(True, seconds, 0.0),
        "primary dies, standby lags 0.5 s": decisions.Course(True, seconds, LAG_S),
        "the same, standby not waited for": decisions.Course(False, seconds, LAG_S),
    }
    for what, course in courses.items():
        found = decisions.fail_over(course)
        is_right = found.doubled == 0 and (found.lost == 0) == course.is_synchronous
        table.add(
            what,
            is_right,
            acknowledged=found.acknowledged,
            a_second=found.per_second,
            lost=found.lost,
            doubled=found.doubled,
            promoted_after_s=found.promoted_s,
            next_decision_after_s=found.failed_over_s,
        )


def lose_a_node(table: Table) -> None:
    found = caching.lose_a_node()
    for name, phase in {"before": found.before, "while away": found.away, "after": found.after}.items():
        table.add(
            f"cache, {name}",
            phase.wrong == 0,
            answers=len(phase.times_s),
            wrong=phase.wrong,
            hits=f"{100 * phase.hit_share:.0f} %",
            median_ms=phase.median_ms,
            longest_ms=phase.worst_ms,
        )
    table.add("cache, the replica took over", True, after_s=found.recovered_s)


def lose_parts_of_a_mesh(table: Table, files: int) -> None:
    with running_mesh(REPLICAS) as mesh:
        _add_job(table, "broker's leader dies during a job", jobs.lose_the_leader(mesh, files))
        gateway = asyncio.run(lose_a_gateway(mesh, 10.0))
        table.add(
            "a gateway dies",
            gateway.failed == 0,
            calls=gateway.calls,
            failed=gateway.failed,
            longest_s=gateway.longest_s,
        )
        first, second = asyncio.run(session_at_each(mesh))
        table.add("a session at the other gateway", first == second)
        _add_job(table, "primary dies during a job", jobs.lose_the_primary(mesh, files))


def _add_job(table: Table, what: str, job: jobs.Outcome) -> None:
    table.add(
        what,
        jobs.is_right(job),
        files=job.files,
        finished=job.succeeded,
        reports=job.reports,
        times_finished=job.finishes,
        tried_again=job.again,
        failed_over_after_s=job.failed_over_s,
        job_s=job.job_s,
    )


def _shown(figure: object) -> str:
    return f"{figure:,.2f}" if isinstance(figure, float) else f"{figure:,}" if isinstance(figure, int) else str(figure)


if __name__ == "__main__":
    sys.exit(main())
