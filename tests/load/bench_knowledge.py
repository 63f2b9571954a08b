"""From the decision that completes a proposal to the version that holds it, through a whole mesh.

    .venv/bin/python tests/load/bench_knowledge.py [--json FILE] [--rounds 20] [--dir DIRECTORY]

Starts a mesh (or takes the one of --dir) and, round after round, queues a case with words that the lexicon does not
know, has two experts decide it alike and asks until the lexicon has it. Every round makes, tries and activates a
version of the whole glossary; the first warms up and does not count. At the end all of it is taken back.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shodhana.api.identity.v1 import identity_pb2
from shodhana.api.review.v1 import knowledge_pb2, review_pb2
from shodhana.api.similarity.v1 import lexicon_pb2
from shodhana_client.client import Client
from shodhana_client.profile import Profile

GOAL_P95_S = 60
PATIENCE_S = 900  # of the first round, which waits until the vectors of a new mesh are computed and stored
TOOL = Path(sys.executable).parent / "shodhana"


@dataclass(frozen=True, slots=True)
class People:
    admin: Client
    system: Client
    experts: tuple[Client, Client]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--dir", type=Path, help="the directory of a mesh that runs")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = arguments.dir or stack.enter_context(mesh())
        people = _people(stack, Profile.read(folder / "client.json"))
        before = _active(people.admin)
        load = f"{os.cpu_count()} processors with a load of {os.getloadavg()[1]:.0f}"
        print(f"{before.entry_count:,} entries, {arguments.rounds} rounds, {load}", flush=True)
        _, *seconds = [_learned(people, heard, term) for heard, term in _pairs(arguments.rounds + 1)]
        made = {way: statistics.median(_made(people.admin, way) for _ in range(5)) for way in ("amend", "import")}
        print(
            f"a version with one entry more: amended {made['amend']:.2f} s, imported {made['import']:.2f} s (p50 of 5)"
        )
        figures = made | _figures(seconds, _taken_back(people, before.content_hash))
        published = _published(people.admin)
        figures["steps_p50_s"] = {step: statistics.median(one[step] for one in published) for step in published[0]}
    shown = ", ".join(f"{name} {figures[f'{name}_s']:.1f} s" for name in ("p50", "p95", "worst"))
    print(f"decision → active: {shown}")
    print("of which " + ", ".join(f"{step} {value:.1f} s" for step, value in figures["steps_p50_s"].items()) + " (p50)")
    print(f"all taken back, content as before: {figures['taken_back_s']:.1f} s")
    print(f"goal: p95 {GOAL_P95_S} s")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


@contextmanager
def mesh() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="shodhana-bench-") as name:
        Path(name).chmod(0o755)
        subprocess.run([TOOL, "up", "--detach", "--dir", name], check=True, stdout=subprocess.DEVNULL)
        try:
            yield Path(name)
        finally:
            subprocess.run([TOOL, "down", "--dir", name], check=False, stdout=subprocess.DEVNULL)


def _people(stack: ExitStack, profile: Profile) -> People:
    admin = stack.enter_context(Client(profile))
    roles = (["service_transcripts"], ["expert_linguist"], ["expert_linguist"])
    system, *experts = (stack.enter_context(Client(replace(profile, **_account(admin, one)))) for one in roles)
    return People(admin, system, (experts[0], experts[1]))


def _account(admin: Client, roles: list[str]) -> dict[str, str]:
    name = f"bench-{uuid.uuid4().hex[:12]}"
    account = identity_pb2.ServiceAccount(roles=roles)
    request = identity_pb2.CreateServiceAccountRequest(service_account_id=name, service_account=account)
    return {"client_id": name, "client_secret": admin.users.CreateServiceAccount(request).client_secret}


def _pairs(count: int) -> list[tuple[str, str]]:
    """Words that no lexicon has: heard as an English reader would write them, and in IAST."""
    syllables = [("du", "du"), ("rou", "rau"), ("mai", "mai"), ("dho", "dho"), ("nee", "nī"), ("shoo", "śū")]
    words = list(itertools.permutations(syllables, 5))
    chosen = random.Random().sample(words, count)
    return [tuple("".join(part[side] for part in word) for side in (0, 1)) for word in chosen]  # type: ignore[misc]


def _learned(people: People, heard: str, term: str) -> float:
    suggestion = review_pb2.Suggestion(term="dharma", text="dharma", probability=0.6)
    context, start = f"This is the {heard} of old.", 12
    case = review_pb2.NewCase(
        domain="general",
        heard=heard,
        context=context,
        context_start=start,
        context_end=start + len(heard),
        suggestions=[suggestion],
        filename="bench.srt",
        reads=1,
    )
    request = review_pb2.CreateCasesRequest(cases=[case, case], request_id=str(uuid.uuid4()))
    first, second = people.system.review.CreateCases(request).names
    _decide(people.experts[0], first, term)
    _decide(people.experts[1], second, term)
    began = time.monotonic()
    name = f"lexiconVersions/active/entries/{term}"
    _wait(lambda: people.admin.lexicon.GetEntry(lexicon_pb2.GetEntryRequest(name=name)).term == term)
    return time.monotonic() - began


def _made(admin: Client, way: str) -> float:
    """Seconds to make an inactive version: by what changes, or by all entries with one more."""
    [(heard, term)] = _pairs(1)
    began = time.monotonic()
    if way == "amend":
        change = lexicon_pb2.LexiconChange(term=term, heard=heard, domain="general")
        admin.lexicon.AmendLexicon(lexicon_pb2.AmendLexiconRequest(changes=[change], request_id=str(uuid.uuid4())))
    else:
        row = {"lemma": term, "domain": "general", "gloss": "nothing", "aliases": heard}
        content = json.dumps(row).encode()
        admin.lexicon.ImportLexicon(lexicon_pb2.ImportLexiconRequest(content=content, leave_inactive=True))
    return time.monotonic() - began


def _decide(expert: Client, name: str, term: str) -> None:
    claim = review_pb2.ClaimCasesRequest(names=[name], request_id=str(uuid.uuid4()))
    [held] = expert.review.ClaimCases(claim).cases
    decision = review_pb2.DecideCaseRequest(
        name=name,
        fencing_token=held.lease.fencing_token,
        verdict=review_pb2.VERDICT_CORRECT,
        decided_text=term,
        request_id=str(uuid.uuid4()),
    )
    expert.review.DecideCase(decision)


def _taken_back(people: People, content_hash: str) -> float:
    """Seconds until an adjudicator's rejection of all has given the lexicon of before."""
    began = time.monotonic()
    request = knowledge_pb2.ListLexiconProposalsRequest(page_size=100, states=[knowledge_pb2.PROPOSAL_STATE_LIVE])
    for proposal in people.admin.knowledge.ListLexiconProposals(request).proposals:
        rejection = knowledge_pb2.ResolveLexiconProposalRequest(
            name=proposal.name, resolution=knowledge_pb2.RESOLUTION_REJECT, request_id=str(uuid.uuid4())
        )
        people.experts[0].knowledge.ResolveLexiconProposal(rejection)
    _wait(lambda: _active(people.admin).content_hash == content_hash)
    return time.monotonic() - began


def _published(admin: Client) -> list[dict[str, float]]:
    """Of each publication: seconds until it was planned, and from then until it was active."""
    found = admin.knowledge.ListLexiconPublications(knowledge_pb2.ListLexiconPublicationsRequest(page_size=100))
    steps = []
    for one in found.publications:
        if one.added and one.HasField("active_time"):
            whole = one.decision_to_active.ToTimedelta().total_seconds()
            published = (one.active_time.ToDatetime() - one.create_time.ToDatetime()).total_seconds()
            steps.append({"until it is planned": whole - published, "made, tried and activated": published})
    return steps


def _active(admin: Client) -> Any:
    return admin.lexicon.GetLexiconVersion(lexicon_pb2.GetLexiconVersionRequest(name="lexiconVersions/active"))


def _wait(condition: Callable[[], bool]) -> None:
    from shodhana_client.errors import ShodhanaError

    ends_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_at:
        try:
            if condition():
                return
        except ShodhanaError:
            pass  # no such entry yet
        time.sleep(0.2)
    raise TimeoutError(f"not within {PATIENCE_S} s")


def _figures(seconds: list[float], taken_back_s: float) -> dict[str, Any]:
    ordered = sorted(seconds)
    return {
        "rounds": len(seconds),
        "p50_s": statistics.median(ordered),
        "p95_s": statistics.quantiles(ordered, n=20)[-1] if len(ordered) > 1 else ordered[0],
        "worst_s": ordered[-1],
        "taken_back_s": taken_back_s,
    }


if __name__ == "__main__":
    main()
