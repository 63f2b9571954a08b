import { useState } from "preact/hooks";
import { useCall } from "../../api/call";
import { type Failure, failureOf } from "../../api/failure";
import { may } from "../../api/session";
import { clientOf } from "../../api/transport";
import {
  CaseEventKind,
  type Decision,
  type ReviewCase,
  ReviewService,
} from "../../gen/shodhana/api/review/v1/review_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { useNames } from "../../parts/people";
import { Link } from "../../shell/router";
import { kindLabel, stateLabel, verdictLabel } from "../../text/labels";
import { clock, day } from "../../text/times";
import { Context } from "../review/context";
import { optionsOf } from "../review/options";
import { Remarks } from "../review/remarks";
import { OptionList } from "../review/suggestions";
import { standing } from "./list";

const reviews = clientOf(ReviewService);

/** One case: its place, what was suggested, and all that was said and done about it. */
export function CaseDetail({ id }: { id: string }) {
  const name = `reviewCases/${id}`;
  const [round, setRound] = useState(0);
  const found = useCall((signal) => reviews.getCase({ name }, { signal }), [name, round]);
  const reviewCase = found.value;
  return (
    <div class="stack queue">
      <p>
        <Link to="/queue">← All cases</Link>
      </p>
      <FailurePanel failure={found.failure} retry={found.reload} />
      {reviewCase && (
        <>
          <Place reviewCase={reviewCase} />
          <Decisions name={name} round={round} onRevoked={() => setRound(round + 1)} />
          <section class="card stack">
            <Remarks key={round} name={name} />
            {may("reviews:write") && <NewRemark name={name} onAdded={() => setRound(round + 1)} />}
          </section>
          {may("system:admin") && <Events name={name} round={round} />}
        </>
      )}
    </div>
  );
}

function Place({ reviewCase }: { reviewCase: ReviewCase }) {
  const { heard, domain, filename, cue, startMs, state, lexiconVersion } = reviewCase;
  const decision = standing(reviewCase);
  const first = reviewCase.suggestions[0];
  const proposed = decision ? decision.decidedText || heard : first ? first.text || first.term : heard;
  return (
    <article class="card case">
      <header class="row apart where">
        <span>
          <span class="badge">{domain}</span> {filename || "no file"}
          {cue > 0 && ` · cue ${cue}`}
          {startMs !== undefined && ` · ${clock(startMs)}`}
        </span>
        <span class="badge">{stateLabel(state)}</span>
      </header>
      <Context reviewCase={reviewCase} proposed={proposed} />
      <OptionList options={optionsOf(reviewCase)} />
      {lexiconVersion && <small class="muted">Suggestions come from {lexiconVersion}.</small>}
    </article>
  );
}

function Decisions({ name, round, onRevoked }: { name: string; round: number; onRevoked: () => void }) {
  const found = useCall((signal) => reviews.listDecisions({ parent: name, pageSize: 100 }, { signal }), [name, round]);
  const decisions = found.value?.decisions ?? [];
  const nameOf = useNames(decisions.flatMap(({ expert, undoneBy }) => [expert, undoneBy]));
  return (
    <section class="card">
      <h2>Decisions</h2>
      <FailurePanel failure={found.failure} retry={found.reload} />
      {decisions.length === 0 && <p class="muted">None yet.</p>}
      <ul class="plain-list">
        {decisions.map((decision, index) => (
          <li key={decision.name} class="row">
            <strong>{verdictLabel(decision.verdict)}</strong>
            <span class="text">{decision.decidedText}</span>
            <small class="muted">{about(decision, nameOf)}</small>
            {index === 0 && !decision.undoTime && may("system:admin") && (
              <Revoke decision={decision} onRevoked={onRevoked} />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function about(decision: Decision, nameOf: (subject: string) => string): string {
  const { decisionType, expert, createTime, comment, undoTime, undoneBy, isAdjudication, bulkDecision } = decision;
  return [
    kindLabel(decisionType),
    nameOf(expert),
    createTime && day(createTime),
    isAdjudication && "settled a dispute",
    bulkDecision && "with others alike",
    comment && `“${comment}”`,
    undoTime && `taken back${undoneBy ? ` by ${nameOf(undoneBy)}` : ""} ${day(undoTime)}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function Revoke({ decision, onRevoked }: { decision: Decision; onRevoked: () => void }) {
  const [comment, setComment] = useState("");
  const [failure, setFailure] = useState<Failure | null>(null);
  const [requestId] = useState(() => crypto.randomUUID());
  const revoke = async (event: Event) => {
    event.preventDefault();
    try {
      await reviews.revokeDecision({ name: decision.name, comment, requestId });
      onRevoked();
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <details class="more">
      <summary>Take back</summary>
      <form class="row" onSubmit={(event) => void revoke(event)}>
        <label class="field">
          Why
          <input required maxLength={2000} value={comment} onInput={(event) => setComment(event.currentTarget.value)} />
        </label>
        <button type="submit">Take this decision back</button>
      </form>
      <FailurePanel failure={failure} />
    </details>
  );
}

function NewRemark({ name, onAdded }: { name: string; onAdded: () => void }) {
  const [text, setText] = useState("");
  const [requestId, setRequestId] = useState(() => crypto.randomUUID());
  const [failure, setFailure] = useState<Failure | null>(null);
  const add = async (event: Event) => {
    event.preventDefault();
    try {
      await reviews.createComment({ parent: name, text, requestId });
      setText("");
      setRequestId(crypto.randomUUID());
      onAdded();
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <form class="stack" onSubmit={(event) => void add(event)}>
      <label class="field">
        Add a remark
        <textarea
          required
          rows={2}
          maxLength={2000}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <FailurePanel failure={failure} />
      <div class="row">
        <button type="submit">Add</button>
      </div>
    </form>
  );
}

function Events({ name, round }: { name: string; round: number }) {
  const { value } = useCall(
    (signal) => reviews.listCaseEvents({ reviewCase: name, pageSize: 100 }, { signal }),
    [name, round],
  );
  const nameOf = useNames(value?.events.map(({ actor }) => actor) ?? []);
  return (
    <section class="card">
      <h2>Trail</h2>
      <ol class="plain-list">
        {value?.events.map((event) => (
          <li key={event.name}>
            {(CaseEventKind[event.kind] ?? "").toLowerCase()}{" "}
            <small class="muted">{nameOf(event.actor) || "the service"}</small>{" "}
            <small class="muted">{event.createTime && day(event.createTime)}</small>
          </li>
        ))}
      </ol>
    </section>
  );
}
