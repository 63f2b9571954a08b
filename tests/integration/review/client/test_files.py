"""`shodhana review checkout` and `apply`."""

from __future__ import annotations

import csv
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.duration_pb2 import Duration
from shodhana.api.review.v1 import review_pb2 as pb

from tests.integration.review.calls import accept, claim

if TYPE_CHECKING:
    from tests.integration.review.calls import Stub

Rows = list[dict[str, str]]


@pytest.fixture
async def sheet(shodhana: Any, cases: list[str], tmp_path: Path) -> Path:
    """Checked out, nothing filled in."""
    path = tmp_path / "cases.tsv"
    done = await shodhana("review", "checkout", "--limit", 7, "--output", path)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"3 cases in {path}, yours for 24 hours.")
    return path


def rows(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def fill_in(path: Path, *cells: dict[str, str], encoding: str = "utf-8-sig", delimiter: str = "\t") -> None:
    """Writes cells into the rows, from the first, and saves as a spreadsheet would."""
    found = rows(path)
    for row, more in zip(found, cells, strict=False):
        row.update(more)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(found[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(found)


DECIDED = ({"verdict": "accept"}, {"verdict": "correct", "correction": "naabhi", "note": "navel"}, {"verdict": "x"})


async def test_a_sheet_applied_twice_counts_once(shodhana: Any, sheet: Path, cases: list[str], stub: Stub) -> None:
    assert rows(sheet)[0]["context"] == "nobody can escape [praabda] karma"
    fill_in(sheet, *DECIDED)
    for said in ("1 accepted, 1 corrected, 1 left as heard", "3 applied before"):
        done = await shodhana("review", "apply", sheet)
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout.endswith(f"{said}; 0 empty, 0 refused\n")
        assert "line 3: naabhi is read as nābhi" in done.stdout
    for name in cases:
        assert len((await stub().ListDecisions(pb.ListDecisionsRequest(parent=name))).decisions) == 1
    decision = (await stub().GetCase(pb.GetCaseRequest(name=cases[1]))).decision
    assert (decision.decided_text, decision.comment) == ("nābhi", "navel")
    assert not (await stub().ListDrafts(pb.ListDraftsRequest())).drafts


async def test_what_spreadsheets_make_of_it_is_read(shodhana: Any, sheet: Path, cases: list[str], state: Any) -> None:
    written = sheet.read_bytes()
    ways = (("utf-16", "\t", "corrected"), ("utf-8", ";", "applied before"), ("utf-8-sig", ",", "applied before"))
    for encoding, delimiter, said in ways:
        sheet.write_bytes(written)
        fill_in(sheet, {"verdict": "2"}, encoding=encoding, delimiter=delimiter)
        done = await shodhana("review", "apply", sheet)
        assert done.stdout == f"1 {said}; 2 empty, 0 refused\n", done.stderr
    assert await state(cases[0]) == ("approved", "śabda")


async def test_bad_rows_are_named_by_line_and_stop_no_other(
    shodhana: Any, sheet: Path, cases: list[str], state: Any
) -> None:
    fill_in(sheet, {"verdict": "perhaps"}, {"verdict": "reject"}, {"verdict": "accept"})
    before = sheet.read_bytes()
    checked = await shodhana("review", "apply", sheet, "--check")
    assert checked.stdout == "1 rows can be sent, 0 are empty, 2 cannot be read\n"
    assert await state(cases[1]) == ("in_review", "")
    done = await shodhana("review", "apply", sheet)
    assert done.exit_code == 1
    assert done.stdout == "1 left as heard; 0 empty, 2 refused\n"
    assert "line 2: the verdict 'perhaps' is none of accept, correct" in done.stderr
    assert "line 4: there is no suggestion 1" in done.stderr
    assert await state(cases[1]) == ("rejected", "")
    assert sheet.read_bytes() == before


async def test_what_came_back_to_the_queue_is_claimed_again_and_what_others_took_is_kept_as_a_draft(
    shodhana: Any, sheet: Path, cases: list[str], stub: Stub, state: Any
) -> None:
    await expire(stub, sheet, cases)
    other = stub("users/2")
    taken = await claim(other, names=[cases[0]])
    fill_in(sheet, {"verdict": "c", "correction": "śabda"}, {"verdict": "a"})
    done = await shodhana("review", "apply", sheet)
    assert (done.exit_code, done.stdout) == (1, "1 accepted; 1 empty, 1 refused\n")
    assert f"line 2, praabda: {cases[0]} is no longer yours, somebody else has it" in done.stderr
    assert await state(cases[1]) == ("approved", "nābhi")
    await other.DecideCase(accept(taken))
    again = await shodhana("review", "apply", sheet)
    assert "it is approved; your answer is kept as a draft" in again.stderr
    assert await state(cases[0]) == ("approved", "prārabdha")
    [draft] = (await stub().ListDrafts(pb.ListDraftsRequest())).drafts
    assert (draft.review_case, draft.decided_text) == (cases[0], "śabda")


async def expire(stub: Stub, sheet: Path, cases: list[str]) -> None:
    """Ends the leases of a sheet, and waits until the cases are back in the queue."""
    fences = [int(row["ticket"].split(" ")[0].partition(".")[2]) for row in rows(sheet)]
    leases = [pb.Lease(review_case=name, fencing_token=fence) for name, fence in zip(cases, fences, strict=True)]
    request = pb.HeartbeatCasesRequest(leases=leases, lease_duration=Duration(seconds=1))
    await stub().HeartbeatCases(request)
    waiting = pb.ListCasesRequest(states=[pb.CASE_STATE_PENDING])
    while len((await stub().ListCases(waiting)).cases) < len(cases):
        pass


async def test_a_file_that_is_there_is_not_written_over_and_none_is_left_where_no_case_waits(
    shodhana: Any, profile: Any, tmp_path: Path
) -> None:
    path = tmp_path / f"{uuid.uuid4()}.tsv"
    empty = await shodhana("review", "checkout", "--output", path)
    assert (empty.exit_code, path.exists()) == (1, False)
    assert "no case waits for you" in empty.stderr
    path.write_text("mine")
    refused = await shodhana("review", "checkout", "--output", path)
    assert (refused.exit_code, path.read_text()) == (1, "mine")
    assert "File exists" in refused.stderr
    other = await shodhana("review", "apply", path)
    assert (other.exit_code, "is no table that" in other.stderr) == (1, True)
