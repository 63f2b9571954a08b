"""`shodhana review --line`, through a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana_client.review.answers import Answer
from shodhana_client.review.lines import described, standing

if TYPE_CHECKING:
    from tests.integration.review.calls import Stub


async def test_each_line_decides_a_case_and_undo_brings_the_last_one_back(
    shodhana: Any, cases: list[str], state: Any
) -> None:
    answers = ["a", "n seen in the recording", "c naabhi", "u", "x", "2", "s"]
    done = await shodhana("review", "--line", "--limit", 3, input="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.stderr
    assert [await state(name) for name in cases] == [("approved", "prārabdha"), ("rejected", ""), ("pending", "")]
    assert "nobody can escape [praabda] karma" in done.stdout
    assert "2. śabda, probability 0.10: sound\n   शब्द\n" in done.stdout
    assert "change: n[-a-]{+ā+}b{+h+}i" in done.stdout
    assert "corrected: nabi → nābhi. u takes it back." in done.stdout
    assert "no suggestion 2 here" in done.stdout
    assert done.stdout.endswith("1 accepted, 1 left as heard, 1 skipped; the limit is reached\n")


async def test_notes_and_the_second_suggestion_are_kept_with_the_decision(
    shodhana: Any, cases: list[str], stub: Stub
) -> None:
    await shodhana("review", "--line", "--limit", 1, input="n sure of it\n2\na\n")
    decision = (await stub().GetCase(pb.GetCaseRequest(name=cases[0]))).decision
    assert (decision.verdict, decision.decided_text, decision.comment) == (pb.VERDICT_CORRECT, "śabda", "sure of it")
    assert (await stub().GetCase(pb.GetCaseRequest(name=cases[1]))).state == pb.CASE_STATE_PENDING


async def test_whoever_leaves_gives_the_cases_back_in_their_places(shodhana: Any, cases: list[str], stub: Stub) -> None:
    done = await shodhana("review", "--line", input="?\nq\n")
    assert "escalate: a senior expert has to decide" in done.stdout
    assert done.stdout.endswith("nothing decided; the others are back in the queue\n")
    seen: list[str] = []
    while len(seen) < len(cases):
        answer = await stub("users/2").ClaimCases(pb.ClaimCasesRequest(count=5))
        seen += [held.review_case.name for held in answer.cases]
    assert seen == cases


async def test_who_begins_again_at_once_finds_the_cases_that_were_left(shodhana: Any, cases: list[str]) -> None:
    await shodhana("review", "--line", input="q\n")
    again = await shodhana("review", "--line", input="q\n")
    assert f"{cases[0]}: talk.srt" in again.stdout


async def test_a_list_of_what_one_decided_has_ones_own_answers_and_when(shodhana: Any, cases: list[str]) -> None:
    await shodhana("review", "--line", "--limit", 2, input="2\nx\n")
    listed = (await shodhana("review", "list", "--decided-by-me")).stdout.splitlines()
    rows = {row[3]: row for row in (line.split("\t") for line in listed)}
    assert rows["praabda"][4:] == ["śabda", "talk.srt, cue 7 at 0:01:01", "decided less than a minute ago"]
    assert rows["nabi"][4] == "nabi"
    waiting = (await shodhana("review", "list")).stdout
    assert "due in" in waiting
    assert "decided" not in waiting
    shown = await shodhana("review", "show", cases[0])
    assert "spiritual, decided less than a minute ago." in shown.stdout


def test_what_the_gloss_says_is_no_reason_once_more() -> None:
    named = "scriptural identification: BG 2.47"
    verse = pb.Suggestion(text="karmaṇy eva", gloss=named, reasons=[named, "metre: anuṣṭubh"])
    lines = list(described(pb.ReviewCase(heard="karmanye", suggestions=[verse])))
    assert lines[2] == f"1. karmaṇy eva, probability 0.00: {named}"
    assert lines[-1] == "   why: metre: anuṣṭubh"


def test_what_stands_after_an_answer_is_told_in_one_line() -> None:
    case = pb.ReviewCase(heard="Karmanye\nvadhikaraste", suggestions=[pb.Suggestion(text="karmaṇy evādhikāras")])
    assert standing(case, Answer("accept")) == "Karmanye vadhikaraste → karmaṇy evādhikāras"


async def test_text_may_be_taken_as_it_is(shodhana: Any, cases: list[str], state: Any) -> None:
    await shodhana("review", "--line", "--limit", 1, "--as-typed", input="c\nIsaac\n")
    assert await state(cases[0]) == ("approved", "Isaac")


async def test_a_screen_off_a_terminal_is_refused_with_what_to_do(shodhana: Any) -> None:
    refused = await shodhana("review")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "use `shodhana review --line`" in refused.stderr
