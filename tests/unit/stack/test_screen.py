"""What the commands of the stack print."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from shodhana.stack.figures import Figures, Traffic, Work
from shodhana.stack.overview import LastBackup, Overview
from shodhana.stack.parts import Condition, PartState
from shodhana.stack.places import StackDirectory, default_directory
from shodhana.stack.screen import IMPATIENT_S, Progress, Watcher, front_page, print_status
from shodhana.stack.state import Phase, StackState, locked, write_state
from shodhana.stack.status import open_statistics
from shodhana.stack.vitals import Vitals


def state(*parts: PartState, phase: Phase = Phase.STARTING, directory: Path = Path("/elsewhere")) -> StackState:
    addresses = {"rest": "https://localhost:1/v1", "client": "/elsewhere/client.json"}
    return StackState(directory, phase, 7, time.time() - 20, addresses=addresses, parts=list(parts))


def test_each_part_is_told_once_when_it_is_ready_and_each_restart(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    quality = PartState("quality", Condition.STARTING, pid=8, started_at=time.time())
    for condition, restarts in ((Condition.STARTING, 0), (Condition.HEALTHY, 0), (Condition.HEALTHY, 0)):
        quality.condition, quality.restarts = condition, restarts
        progress(state(quality))
    quality.condition, quality.restarts, quality.health = Condition.RESTARTING, 1, "ended: SIGKILL"
    progress(state(quality))
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in told] == [["✓", "quality"], ["↻", "quality"]]
    assert re.fullmatch(r"↻ quality +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  ended: SIGKILL", told[1])


def test_what_keeps_a_start_waiting_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    late = PartState("similarity", Condition.STARTING, started_at=time.time() - IMPATIENT_S - 1, health="NOT_SERVING")
    young = PartState("quality", Condition.STARTING, started_at=time.time(), health="no answer")
    for _ in range(3):
        progress(state(late, young))
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("… similarity")
    assert line.endswith("NOT_SERVING")


def test_the_front_page_names_a_directory_that_is_not_the_usual_one(capsys: pytest.CaptureFixture[str]) -> None:
    front_page(state())
    assert "export SHODHANA_DIR=/elsewhere" in capsys.readouterr().out
    front_page(state(directory=default_directory()))
    assert "SHODHANA_DIR" not in capsys.readouterr().out


def test_a_stack_in_the_foreground_is_told_once_for_each_phase(capsys: pytest.CaptureFixture[str]) -> None:
    complaints: list[str] = []
    watcher = Watcher(complaints.append)
    for phase in (Phase.STARTING, Phase.READY, Phase.READY, Phase.STOPPING, Phase.STOPPING):
        watcher(state(phase=phase))
    shown = capsys.readouterr().out
    assert (shown.count("Shodhana is up."), shown.count("stopping…"), complaints) == (1, 1, [])
    failed = state(phase=Phase.FAILED)
    failed.error = "quality: no"
    watcher(failed)
    assert complaints == ["quality: no"]


def test_the_status_is_one_plain_line_a_part_away_from_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    health = "not healthy after 90 s: " + "NOT_SERVING " * 10
    parts = (
        PartState("postgres", Condition.HEALTHY, 8, 5432, started_at=time.time()),
        PartState("quality", health=health),
    )
    print_status(state(*parts, phase=Phase.READY))
    title, head, first, second = capsys.readouterr().out.splitlines()
    assert title == "ready  /elsewhere"
    assert head.split() == ["name", "state", "pid", "port", "restarts", "up", "health"]
    assert first.split()[:4] == ["postgres", "healthy", "8", "5432"]
    assert second.endswith(health.rstrip())
    assert head.index("health") == second.index("not healthy")


def test_the_status_tells_memory_calls_and_what_waits_where_it_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    traffic = {"quality": Traffic(2.5, 3, 0.25), "gateway": Traffic(4, 1, 0.5)}
    work = Work(review_cases=2, review_oldest_s=7200, files_queued=1, files_oldest_s=30, files_succeeded=5)
    backups = (LastBackup("c-logical", "logical", 3600 * 5), LastBackup("b-physical", "physical", 3 * 86400))
    seen = Overview({"quality": Vitals(80 * 2**20, 0.5)}, Figures(120, traffic, work), backups)
    print_status(state(PartState("quality", Condition.HEALTHY, 8), phase=Phase.READY), seen)
    shown = capsys.readouterr().out
    head, quality = shown.splitlines()[1:3]
    assert head.split() == [
        "name",
        "state",
        "pid",
        "port",
        "restarts",
        "up",
        "memory",
        "cpu",
        "calls/s",
        "failed",
        "p99",
        "health",
    ]
    assert quality.split() == ["quality", "healthy", "8", "80", "MB", "50%", "2.50", "3", "250", "ms"]
    assert "calls   4.00 a second answered at the gateway, 1 failed, over the last 2 min" in shown
    assert "review  2 cases wait, the oldest 2 h; 0 overdue" in shown
    assert "jobs    1 files wait, the oldest 30 s; 0 in work" in shown
    assert "backup  c-logical, 5 h ago; b-physical, 3 d ago" in shown


def test_the_statistics_open_in_the_browser_where_a_stack_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    place = StackDirectory(tmp_path)
    with locked(place):
        found = state(phase=Phase.READY, directory=tmp_path)
        found.addresses["dashboard"] = "https://localhost:1/"
        write_state(place, found)
        open_statistics(place)
    with pytest.raises(SystemExit):
        open_statistics(place)  # it has ended since
    assert opened == ["https://localhost:1/app/statistics"]
