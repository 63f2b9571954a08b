"""Each mistake that the glossary checker knows, planted in a sound file."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / "tools" / "check_glossary.py"
HEADER = "lemma\tdomain\tfield\tpos\tgloss\taliases\tnote\tanglicised"
SOUND = (
    "ātman\tphilosophical\tvedanta\tnoun\tthe self\tatma|atman\t\t",
    "guru\tspiritual\tvedanta\tnoun\tteacher\tgurus\t\tyes",
    "neti neti\tphilosophical\tvedanta\tphrase\tnot this, not this\t\t\t",
)


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, TOOL, folder], capture_output=True, text=True, timeout=60, check=False)


def write(folder: Path, *rows: str, name: str = "vedanta.tsv") -> Path:
    path = folder / name
    path.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    return path


def test_the_shipped_glossary_is_sound() -> None:
    result = run(ROOT / "database" / "glossary")
    assert (result.returncode, result.stderr) == (0, "")
    assert int(result.stdout.split()[0]) >= 1400


def test_a_sound_file_passes(tmp_path: Path) -> None:
    write(tmp_path, *SOUND)
    result = run(tmp_path)
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "3 entries, 0 problems\n")


PLANTED = {
    "decomposed letters": (unicodedata.normalize("NFD", "māyā") + "\tphilosophical\tvedanta\tnoun\tx\t\t\t", "form C"),
    "a letter of ISO 15919": ("ahaṁkāra\tphilosophical\tvedanta\tnoun\tego\t\t\t", "no letter of IAST"),
    "a letter of English": ("moxa\tphilosophical\tvedanta\tnoun\trelease\t\t\t", "no letter of IAST"),
    "a capital": ("Māyā\tphilosophical\tvedanta\tnoun\tillusion\t\t\t", "small letters"),
    "two long vowels in a row": ("māāyā\tphilosophical\tvedanta\tnoun\tillusion\t\t\t", "does not occur in Sanskrit"),
    "a nasal of another place": ("kumkuma\tphilosophical\tvedanta\tnoun\tred powder\t\t\t", "'mk'"),
    "an unknown domain": ("māyā\treligious\tvedanta\tnoun\tillusion\t\t\t", "unknown domain 'religious'"),
    "the field of another file": ("māyā\tphilosophical\tyoga\tnoun\tillusion\t\t\t", "field 'yoga'"),
    "an unknown part of speech": ("māyā\tphilosophical\tvedanta\tn.\tillusion\t\t\t", "part of speech 'n.'"),
    "no gloss": ("māyā\tphilosophical\tvedanta\tnoun\t\t\t\t", "gloss"),
    "a long gloss": (f"māyā\tphilosophical\tvedanta\tnoun\t{'x' * 121}\t\t\t", "1 to 120"),
    "a flag of another kind": ("māyā\tphilosophical\tvedanta\tnoun\tillusion\t\t\ttrue", "`yes` or empty"),
    "an English alias": ("vana\tphilosophical\tvedanta\tnoun\tforest\tvan\t\t", "alias 'van' is English"),
    "an English phrase": ("tat\tphilosophical\tvedanta\tnoun\tthat\tgood work\t\t", "alias 'good work' is English"),
    "an alias with diacritics": ("māyā\tphilosophical\tvedanta\tnoun\tillusion\tmāya\t\t", "letters a-z"),
    "an empty alias": ("jīva\tphilosophical\tvedanta\tnoun\tsoul\tjeeva||jiwa\t\t", "alias '' must be"),
    "an alias twice": ("jīva\tphilosophical\tvedanta\tnoun\tsoul\tjeeva|jeeva\t\t", "listed twice"),
    "an alias that is the lemma": ("deha\tphilosophical\tvedanta\tnoun\tbody\tdeha\t\t", "the lemma itself"),
    "another's alias": ("ātmā\tphilosophical\tvedanta\tnoun\tself\tatman\t\t", "belongs to ātman in vedanta.tsv:2"),
    "a lemma twice": ("ātman\tphilosophical\tvedanta\tnoun\tsoul\t\t\t", "already in vedanta.tsv:2"),
    "a sense twice": ("ātmana\tspiritual\tvedanta\tnoun\tthe self\t\t\t", "same fold and gloss as ātman"),
    "a column too few": ("māyā\tphilosophical\tvedanta\tnoun\tillusion\t\t", "7 columns instead of 8"),
    "an empty row": ("", "1 columns instead of 8"),
    "a control character": ("māyā\tphilosophical\tvedanta\tnoun\till\u202eusion\t\t\t", "control characters"),
}


@pytest.mark.parametrize(("row", "words"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_mistake_is_named_with_its_line(tmp_path: Path, row: str, words: str) -> None:
    path = write(tmp_path, *SOUND, row)
    result = run(tmp_path)
    assert result.returncode == 1
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == [f"{path}:5"]
    assert words in result.stderr


def test_the_same_lemma_in_another_domain_and_file_is_another_sense(tmp_path: Path) -> None:
    write(tmp_path, *SOUND)
    write(tmp_path, "ātman\tgeneral\tyoga\tnoun\tbreath, in old usage\tatma\t\t", name="yoga.tsv")
    assert run(tmp_path).returncode == 0


def test_homographs_of_popular_spelling_may_share_an_alias(tmp_path: Path) -> None:
    first = "kāla\tphilosophical\tvedanta\tnoun\ttime\tkaala\t\t"
    write(tmp_path, first, "kalā\tphilosophical\tvedanta\tnoun\tart\tkaala\t\t")
    assert run(tmp_path).returncode == 0


def test_a_listed_shared_spelling_is_let_through_and_a_stale_one_is_named(tmp_path: Path) -> None:
    write(tmp_path, "māyā\tphilosophical\tvedanta\tnoun\tillusion\tmaya\t\t")
    assert "alias 'maya' is English" in run(tmp_path).stderr
    shared = tmp_path / "shared_spellings.txt"
    shared.write_text("# a comment\nmaya  # reason\n", encoding="utf-8")
    assert run(tmp_path).returncode == 0
    shared.write_text("maya\nkrishna\n", encoding="utf-8")
    assert run(tmp_path).stderr.startswith(f"{shared}:2: 'krishna' is no alias")


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"lemma\tgloss\n", 1, "header row"),
        (HEADER.encode() + b"\n" + b"deha\tphilosophical\tvedanta\tnoun\tbody\t\t\t", 2, "no line end"),
        (HEADER.encode() + b"\ndeha\xff\n", 2, "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_table_is_named(tmp_path: Path, content: bytes, line: int, words: str) -> None:
    path = tmp_path / "vedanta.tsv"
    path.write_bytes(content)
    result = run(tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"{path}:{line}: ")
    assert words in result.stderr


def test_a_folder_without_files_is_an_error(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 1
