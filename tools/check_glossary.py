"""Checks the glossary files; names file and line of every mistake.

.venv/bin/python tools/check_glossary.py             check database/glossary
.venv/bin/python tools/check_glossary.py FOLDER      check the files of another folder
.venv/bin/python tools/check_glossary.py --digest    also print the hash under which an evaluation records the glossary
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shodhana.text.fold import popular_fold
from shodhana.text.iast import breaches
from shodhana.text.normalize import nfc, refused_characters
from shodhana.text.transliterate import devanagari_of, iast_of_devanagari
from wordfreq import zipf_frequency

ROOT = Path(__file__).resolve().parent.parent
SHARED_SPELLINGS = "shared_spellings.txt"
COLUMNS = ("lemma", "domain", "field", "pos", "gloss", "aliases", "note", "anglicised")
DOMAINS = frozenset({"spiritual", "philosophical", "scriptural", "general"})
PARTS_OF_SPEECH = frozenset({"noun", "adjective", "adverb", "verb", "name", "phrase", "particle", "title"})
FIELDS = frozenset(
    {
        "bhakti_and_deities",
        "epics_and_people",
        "everyday_sanskrit",
        "grammar",
        "philosophy_schools",
        "places",
        "ritual",
        "satsang_hindi",
        "tantra_and_subtle_body",
        "texts",
        "vedanta",
        "yoga",
    }
)
MAX_GLOSS = 120
ENGLISH = 3.0  # Zipf frequency of a word met once in a million: where the corrector's English guard begins too
ENGLISH_PHRASE = 4.0  # for the rarest word of a spelling of several: "karma yoga" is no English phrase
_ALIAS = re.compile("[a-z]+(?: [a-z]+)*")
# A nasal takes the place of articulation of the stop after it.
_NASAL = re.compile("[nñṇm][kg]|[nṅṇm][cj]|[nñṅm][ṭḍ]|[ñṅṇm][td]|[nñṅṇ][pb]")


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake, and where it is."""

    path: Path
    line: int
    description: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.description}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a glossary file."""

    path: Path
    line: int
    lemma: str
    domain: str
    field: str
    pos: str
    gloss: str
    aliases: tuple[str, ...]
    note: str
    anglicised: str

    def problem(self, description: str) -> Problem:
        return Problem(self.path, self.line, f"{self.lemma}: {description}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "database" / "glossary")
    parser.add_argument("--digest", action="store_true")
    arguments = parser.parse_args()
    problems, row_count = check(arguments.folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    if arguments.digest:
        print(digest(arguments.folder))
    print(f"{row_count} entries, {len(problems)} problems")
    return 1 if problems else 0


def digest(folder: Path) -> str:
    """SHA-256 over names and contents of the files, in order of name."""
    total = hashlib.sha256()
    for path in sorted(folder.glob("*.tsv")):
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def check(folder: Path) -> tuple[list[Problem], int]:
    """Every mistake in the files of a folder, in order of file and line, and the number of readable rows."""
    problems: list[Problem] = []
    rows: list[Row] = []
    paths = sorted(folder.glob("*.tsv"))
    if not paths:
        problems.append(Problem(folder, 0, "no .tsv file here"))
    for path in paths:
        for found in read(path):
            if isinstance(found, Row):
                rows.append(found)
            else:
                problems.append(found)
    shared = read_shared_spellings(folder / SHARED_SPELLINGS)
    for row in rows:
        problems.extend(problems_of_row(row))
        problems.extend(english_aliases(row, shared))
    problems.extend(repeated_rows(rows))
    problems.extend(disputed_aliases(rows))
    problems.extend(stale_shared_spellings(folder / SHARED_SPELLINGS, shared, rows))
    return sorted(problems, key=lambda problem: (problem.path, problem.line)), len(rows)


def read(path: Path) -> Iterator[Row | Problem]:
    """The rows of a file, and what cannot be read as one."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        yield Problem(path, error.object.count(b"\n", 0, error.start) + 1, "not UTF-8")
        return
    lines = text.split("\n")
    if lines[0] != "\t".join(COLUMNS):
        yield Problem(path, 1, f"the header row must be: {' '.join(COLUMNS)} (parted by tabs)")
        return
    if lines[-1]:
        yield Problem(path, len(lines), "no line end after the last row")
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) == len(COLUMNS):
            lemma, domain, field, pos, gloss, aliases, note, anglicised = cells
            listed = tuple(aliases.split("|")) if aliases else ()
            yield Row(path, number, lemma, domain, field, pos, gloss, listed, note, anglicised)
        elif number < len(lines):  # what follows the last line end is no row
            yield Problem(path, number, f"{len(cells)} columns instead of {len(COLUMNS)}")


def read_shared_spellings(path: Path) -> dict[str, int]:
    """Spelling → line of its file; `#` begins a comment."""
    if not path.exists():
        return {}
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {spelling: number for number, spelling in enumerate(lines, 1) if spelling}


def problems_of_row(row: Row) -> Iterator[Problem]:
    """What is wrong with a row by itself."""
    yield from (row.problem(description) for description in lemma_problems(row.lemma))
    yield from (row.problem(description) for description in alias_problems(row))
    if row.domain not in DOMAINS:
        yield row.problem(f"unknown domain {row.domain!r}")
    if row.field not in FIELDS or row.field != row.path.stem:
        yield row.problem(f"field {row.field!r} must be known and the name of the file")
    if row.pos not in PARTS_OF_SPEECH:
        yield row.problem(f"unknown part of speech {row.pos!r}")
    if row.anglicised not in ("", "yes"):
        yield row.problem("anglicised is `yes` or empty")
    if not row.gloss or row.gloss != " ".join(row.gloss.split()) or len(row.gloss) > MAX_GLOSS:
        yield row.problem(f"the gloss must be one line of 1 to {MAX_GLOSS} characters without stray spaces")
    for text in (row.gloss, row.note):
        if text != nfc(text) or refused_characters(text):
            yield row.problem("gloss and note must be in Unicode normal form C, without control characters")


def lemma_problems(lemma: str) -> Iterator[str]:
    """Why a headword is not well-formed IAST."""
    if not lemma or lemma != lemma.strip() or lemma != lemma.lower():
        yield "the lemma is written in small letters, without spaces around it"
        return
    found = [breach.description for breach in breaches(lemma)]
    yield from found
    if match := _NASAL.search(lemma):
        yield f"{match.group()!r}: the nasal must be that of the stop after it"
    if not found and iast_of_devanagari(devanagari_of(lemma)) != lemma:
        yield "the lemma does not survive the way to Devanagari and back"


def alias_problems(row: Row) -> Iterator[str]:
    """Why popular spellings are not well-formed, or say nothing new."""
    for alias in row.aliases:
        if not _ALIAS.fullmatch(alias):
            yield f"alias {alias!r} must be small letters a-z, single spaces between words"
        if alias == row.lemma:
            yield f"alias {alias!r} is the lemma itself"
    for alias in sorted({alias for alias in row.aliases if row.aliases.count(alias) > 1}):
        yield f"alias {alias!r} is listed twice"


def english_aliases(row: Row, shared: Iterable[str]) -> Iterator[Problem]:
    """Spellings under which the corrector would take plain English for Sanskrit."""
    if row.anglicised:
        return
    for alias in row.aliases:
        if alias not in shared and is_english(alias):
            yield row.problem(f"alias {alias!r} is English: drop it, mark the row, or list it in {SHARED_SPELLINGS}")


def is_english(spelling: str) -> bool:
    """Whether every word of a spelling is common in English."""
    words = spelling.split()
    return bool(words) and min(zipf_frequency(word, "en") for word in words) >= (
        ENGLISH if len(words) == 1 else ENGLISH_PHRASE
    )


def repeated_rows(rows: Iterable[Row]) -> Iterator[Problem]:
    """A headword twice in a domain, or two headwords that fold and mean the same."""
    headwords: dict[tuple[str, str], Row] = {}
    senses: dict[tuple[str, str], Row] = {}
    for row in rows:
        first = headwords.setdefault((row.lemma, row.domain), row)
        if first is not row:
            yield row.problem(f"already in {first.path.name}:{first.line} with domain {row.domain}")
            continue
        alike = senses.setdefault((popular_fold(row.lemma), row.gloss.casefold()), row)
        if alike is not row:
            yield row.problem(f"same fold and gloss as {alike.lemma} in {alike.path.name}:{alike.line}")


def disputed_aliases(rows: Iterable[Row]) -> Iterator[Problem]:
    """A spelling claimed by two headwords, unless they differ only in what popular spelling never shows."""
    owners: dict[str, Row] = {}
    for row in rows:
        for alias in row.aliases:
            owner = owners.setdefault(alias, row)
            if owner.lemma != row.lemma and popular_fold(owner.lemma) != popular_fold(row.lemma):
                yield row.problem(f"alias {alias!r} belongs to {owner.lemma} in {owner.path.name}:{owner.line}")


def stale_shared_spellings(path: Path, shared: dict[str, int], rows: Iterable[Row]) -> Iterator[Problem]:
    """Exceptions that no row needs any more."""
    used = {alias for row in rows if not row.anglicised for alias in row.aliases}
    for spelling, line in shared.items():
        if spelling not in used:
            yield Problem(path, line, f"{spelling!r} is no alias of a row that is not anglicised")
        elif not is_english(spelling):
            yield Problem(path, line, f"{spelling!r} is rare in English and needs no exception")


if __name__ == "__main__":
    sys.exit(main())
