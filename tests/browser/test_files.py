"""A lecture on its way through the dashboard: dropped, corrected while one watches, reported, kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser import expect
from tests.browser.conftest import SAMPLE

if TYPE_CHECKING:
    from tests.browser.visitor import Visitor

    Visit = Callable[..., AbstractContextManager[Visitor]]

WORK_MS = 120_000
BROKEN = "1\n00:00:02,000 --> 00:00:01,000\nKrishna\n"


def test_a_dropped_file_is_corrected_reported_and_downloaded(visit: Visit, tmp_path: Path) -> None:
    broken = tmp_path / "broken.srt"
    broken.write_text(BROKEN)
    with visit() as visitor:
        page = visitor.page
        visitor.log_in("admin", "/files")
        visitor.open("/files")
        page.get_by_text("How to correct").click()
        page.get_by_label("Correct from this probability on").fill("0.85")
        page.set_input_files("input[type=file]", [SAMPLE, broken])

        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=SAMPLE.name))
        expect(row.get_by_text("done", exact=True)).to_be_visible(timeout=WORK_MS)
        failed = page.get_by_role("row").filter(has_text="broken.srt")
        expect(failed).to_contain_text("line 2: cue 1 ends before it starts")

        row.get_by_role("link").click()
        change = page.get_by_role("button", name="Kurukṣetra")
        expect(page.locator("del", has_text="Kurukshetra").first).to_be_visible()
        change.first.focus()
        visitor.press("Enter")
        expect(page.locator("tr.detail")).to_contain_text("a popular spelling of kurukṣetra")
        page.get_by_text("How the scores come about").click()
        expect(page.get_by_text("Sanskrit words without a violation").first).to_be_visible()
        assert visitor.violations() == []
        with page.expect_download() as kept:
            page.get_by_role("button", name="Download, corrected").click()
        assert "Kurukṣetra" in Path(kept.value.path()).read_text()
        with page.expect_download() as finished:
            page.get_by_role("button", name="Download, with decisions").click()
        assert finished.value.suggested_filename.endswith(".final.srt")
        assert "Kurukṣetra" in Path(finished.value.path()).read_text()
        expect(page.get_by_role("status").filter(has_text="decided")).to_contain_text("open")


def test_what_cannot_be_sent_is_told_before_anything_is(visit: Visit, tmp_path: Path) -> None:
    recording = tmp_path / "talk.mp3"
    recording.write_bytes(b"ID3")
    with visit() as visitor:
        visitor.log_in("admin", "/files")
        visitor.open("/files")
        visitor.page.set_input_files("input[type=file]", [SAMPLE, recording])
        expect(visitor.page.get_by_role("alert")).to_contain_text("talk.mp3 is no transcript by its name")
        expect(visitor.page.get_by_role("button", name=f"Correct {SAMPLE.name} alone")).to_be_visible()
        assert visitor.page.url.endswith("/files")


def test_a_term_is_found_as_one_types_and_shown_with_its_spellings(visit: Visit) -> None:
    with visit() as visitor:
        visitor.log_in("viewer", "/lexicon")
        visitor.open("/lexicon")
        expect(visitor.page.get_by_text("अकर्मन्")).to_be_visible()  # what is listed was asked for: keys are heard by now
        visitor.press("/")
        expect(visitor.page.get_by_label("Term, as it is heard, spelled or meant")).to_be_focused()
        visitor.press(*"vishnu maya")
        found = visitor.page.get_by_role("list").filter(has_text="viṣṇumāyā").get_by_role("listitem").first
        expect(found).to_contain_text("a popular spelling of viṣṇumāyā")
        found.get_by_role("link").click()
        expect(visitor.page.get_by_role("heading", level=2)).to_contain_text("viṣṇumāyā विष्णुमाया")


def test_an_expert_proposes_a_spelling_outright_and_is_told_what_cannot_be_learned(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.page
        visitor.log_in("expert", "/lexicon/proposals")
        visitor.open("/lexicon/proposals")
        page.get_by_role("button", name="Propose…").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Term, in IAST").press_sequentially("vivartavaada")
        dialog.get_by_label("Heard, or spelled").fill("vi")
        dialog.get_by_label("Meaning of a new term").fill("the world as appearance")
        assert visitor.violations() == []
        dialog.get_by_role("button", name="Propose").click()
        expect(dialog.get_by_role("alert")).to_contain_text("at least 3 letters")
        dialog.get_by_label("Heard, or spelled").fill("vivarta vadda")
        dialog.get_by_role("button", name="Propose").click()
        expect(dialog).to_be_hidden()
        expect(page.get_by_text("Proposed: another expert reads it next.")).to_be_attached()
