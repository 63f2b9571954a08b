import { useState } from "preact/hooks";
import { useCall } from "../../api/call";
import { type Failure, failureOf } from "../../api/failure";
import { usePages } from "../../api/pages";
import { may } from "../../api/session";
import { clientOf } from "../../api/transport";
import {
  KnowledgeService,
  type LexiconProposal,
  ProposalKind,
  ProposalState,
  Resolution,
} from "../../gen/shodhana/api/review/v1/knowledge_pb";
import { Dialog } from "../../parts/dialog";
import { FailurePanel } from "../../parts/failure_panel";
import { useNames } from "../../parts/people";
import { announce } from "../../shell/live";
import { Link, setQuery } from "../../shell/router";
import { day } from "../../text/times";
import { Propose } from "./propose";
import { numberOf } from "./versions";

const knowledge = clientOf(KnowledgeService);
const STATES: readonly [ProposalState, string][] = [
  [ProposalState.OPEN, "waits for a second expert"],
  [ProposalState.DISPUTED, "disputed"],
  [ProposalState.APPROVED, "agreed, to be published"],
  [ProposalState.LIVE, "in the lexicon"],
  [ProposalState.REFUSED, "agreed, but refused"],
  [ProposalState.RETRACTING, "being taken out"],
  [ProposalState.WITHDRAWN, "withdrawn"],
];
const labels = new Map(STATES);
const KINDS: Partial<Record<ProposalKind, string>> = {
  [ProposalKind.ENTRY]: "a new term",
  [ProposalKind.ALIAS]: "a new spelling",
  [ProposalKind.KNOWN]: "known before",
};

/** What the decisions of experts say of the lexicon, and how far it is from being in it. */
export function Proposals({ query }: { query: URLSearchParams }) {
  const [state, heard] = [Number(query.get("state") ?? 0) as ProposalState, query.get("heard") ?? ""];
  const [isProposing, setProposing] = useState(false);
  const pages = usePages(
    async (pageToken, signal) => {
      const request = { pageToken, heard, states: state ? [state] : [] };
      const page = await knowledge.listLexiconProposals(request, { signal });
      return { items: page.proposals, nextPageToken: page.nextPageToken };
    },
    [state, heard],
  );
  const nameOf = useNames(pages.items.flatMap(({ supports }) => supports.map(({ expert }) => expert)));
  return (
    <section class="stack">
      <div class="row apart">
        <h2>Proposals</h2>
        <div class="row narrow-by">
          <input
            type="search"
            aria-label="Heard"
            placeholder="Heard"
            maxLength={200}
            value={heard}
            onChange={(event) => setQuery({ heard: event.currentTarget.value.trim() })}
          />
          <select
            aria-label="State"
            value={String(state)}
            onChange={(event) => setQuery({ state: event.currentTarget.value.replace(/^0$/, "") })}
          >
            <option value="0">any state</option>
            {STATES.map(([one, label]) => (
              <option key={one} value={one}>
                {label}
              </option>
            ))}
          </select>
          {may("decisions:create") && (
            <button type="button" onClick={() => setProposing(true)}>
              Propose…
            </button>
          )}
        </div>
      </div>
      {isProposing && (
        <Propose
          onClose={() => setProposing(false)}
          onProposed={() => {
            setProposing(false);
            pages.reload();
          }}
        />
      )}
      <p class="muted">
        Whoever decides a case proposes: that what was heard is a spelling of the term they chose, or that the term is
        new; a proposal made outright is read by another expert too. What enough experts say, or an adjudicator, becomes
        a version of the lexicon.
      </p>
      <FailurePanel failure={pages.failure} retry={pages.reload} />
      <ul class="versions">
        {pages.items.map((proposal) => (
          <Proposal key={proposal.name} proposal={proposal} nameOf={nameOf} onSettled={pages.reload} />
        ))}
      </ul>
      {pages.items.length === 0 && !pages.isLoading && !pages.failure && <p class="empty">Nothing is proposed.</p>}
      {pages.more && (
        <button type="button" onClick={pages.more}>
          Older proposals
        </button>
      )}
    </section>
  );
}

interface ProposalProps {
  proposal: LexiconProposal;
  nameOf: (subject: string) => string;
  onSettled: () => void;
}

function Proposal({ proposal, nameOf, onSettled }: ProposalProps) {
  const { heard, term, state, kind, domain, gloss, reason, supports, expertCount, quorum, lexiconVersion } = proposal;
  const isLate = state === ProposalState.DISPUTED || state === ProposalState.REFUSED;
  return (
    <li class="card">
      <div class="row apart">
        <h3 class="text">
          {heard} → {term ? <span lang="sa-Latn">{term}</span> : "right as it stands"}
        </h3>
        <span class={`badge${isLate ? " late" : ""}`}>{labels.get(state)}</span>
      </div>
      {reason && <p>{reason}</p>}
      <small class="muted">
        {[KINDS[kind], domain, gloss].filter(Boolean).join(" · ")} · {expertCount} of {quorum} experts
        {proposal.createTime && `, ${day(proposal.createTime)}`}
      </small>
      <div class="row apart">
        <span class="decisions">
          {supports.map(({ decision, expert, isAdjudication }) => (
            <Link key={decision} to={`/queue/${decision.split("/")[1]}`}>
              {nameOf(expert)}
              {isAdjudication && ", adjudicated"}
            </Link>
          ))}
          {lexiconVersion && (
            <Link to={`/lexicon/versions/${numberOf(lexiconVersion)}`}>version {numberOf(lexiconVersion)}</Link>
          )}
        </span>
        {may("cases:assign") && term && <Settle proposal={proposal} onSettled={onSettled} />}
      </div>
    </li>
  );
}

/** The adjudicator's word, after a look at what it would reach. */
function Settle({ proposal, onSettled }: { proposal: LexiconProposal; onSettled: () => void }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        Settle…
      </button>
      {isOpen && (
        <SettleDialog
          proposal={proposal}
          onClose={() => setOpen(false)}
          onSettled={() => {
            setOpen(false);
            onSettled();
          }}
        />
      )}
    </>
  );
}

interface SettleDialogProps {
  proposal: LexiconProposal;
  onClose: () => void;
  onSettled: () => void;
}

function SettleDialog({ proposal, onClose, onSettled }: SettleDialogProps) {
  const { name, heard, term } = proposal;
  const reach = useCall((signal) => knowledge.previewLexiconProposal({ name }, { signal }), [name]);
  const [requestIds] = useState({
    [Resolution.APPROVE]: crypto.randomUUID(),
    [Resolution.REJECT]: crypto.randomUUID(),
  });
  const [failure, setFailure] = useState<Failure | null>(null);
  const settle = async (resolution: Resolution.APPROVE | Resolution.REJECT) => {
    try {
      await knowledge.resolveLexiconProposal({ name, resolution, requestId: requestIds[resolution] });
      announce(resolution === Resolution.APPROVE ? "It goes into the lexicon." : "It stays out of the lexicon.");
      onSettled();
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <Dialog title={`“${heard}” for ${term}`} onClose={onClose}>
      <FailurePanel failure={reach.failure ?? failure} />
      <p>
        {reach.value
          ? `Cases it reaches: ${reach.value.caseCount}, with these very words: ${reach.value.sameWordsCount}. Finished ` +
            `files to be looked at again: ${reach.value.fileCount}.`
          : "…"}
      </p>
      <div class="row">
        <button type="button" class="primary" onClick={() => void settle(Resolution.APPROVE)}>
          Into the lexicon
        </button>
        <button type="button" onClick={() => void settle(Resolution.REJECT)}>
          Keep it out
        </button>
      </div>
    </Dialog>
  );
}
