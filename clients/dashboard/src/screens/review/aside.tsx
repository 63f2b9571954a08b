import { useState } from "preact/hooks";
import { useCall } from "../../api/call";
import { currentSession, may } from "../../api/session";
import { clientOf } from "../../api/transport";
import { type QueueCounts, ReviewService, Verdict } from "../../gen/shodhana/api/review/v1/review_pb";
import { Changes } from "../../parts/changes";
import { type Store, useStore } from "../../store";
import { DOMAINS, verdictLabel } from "../../text/labels";
import { secondsOf } from "../../text/times";
import type { Desk } from "./desk";
import type { Done, Wishes } from "./desk_state";
import { Drafts } from "./drafts";
import { oneLine } from "./options";

const reviews = clientOf(ReviewService);
const RECENT = 8;

interface AsideProps {
  desk: Desk;
  counts: QueueCounts | undefined;
  wishes: Store<Wishes>;
}

/** Progress, what comes next, what was done, drafts, and which cases one wants. */
export function Aside({ desk, counts, wishes }: AsideProps) {
  const { hand, done, drafts } = useStore(desk.state);
  return (
    <aside class="beside" aria-label="Progress">
      <Progress counts={counts} doneHere={done.filter(({ undoUntil }) => undoUntil).length} />
      {hand.length > 1 && (
        <section>
          <h2>Next</h2>
          <ol class="plain-list text">
            {hand.slice(1).map(({ reviewCase }) => (
              <li key={reviewCase.name}>{oneLine(reviewCase.heard)}</li>
            ))}
          </ol>
        </section>
      )}
      {done.length > 0 && (
        <section>
          <h2>Done</h2>
          <ul class="plain-list">
            {done.slice(0, RECENT).map((one) => (
              <DoneLine key={one.reviewCase.name} done={one} desk={desk} />
            ))}
          </ul>
        </section>
      )}
      <Drafts desk={desk} round={drafts} />
      <Wanted desk={desk} wishes={wishes} />
    </aside>
  );
}

function Progress({ counts, doneHere }: { counts: QueueCounts | undefined; doneHere: number }) {
  const { value } = useCall((signal) => reviews.getStatistics({ days: 1 }, { signal }), [doneHere]);
  const mine = value?.experts.find(({ expert }) => expert === currentSession()?.user);
  const facts: [string, string | undefined][] = [
    ["waiting", counts && String(counts.pending)],
    ["held", counts && String(counts.inReview)],
    ["overdue", value && String(value.overdueCount)],
    ["yours today", value && String(mine?.decisionCount ?? 0)],
    ["your median", mine?.medianDuration && `${Math.round(secondsOf(mine.medianDuration))} s`],
  ];
  return (
    <dl class="facts">
      {facts.map(
        ([label, fact]) =>
          fact && (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{fact}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function DoneLine({ done, desk }: { done: Done; desk: Desk }) {
  const { reviewCase, verdict, text, undoUntil } = done;
  const heard = oneLine(reviewCase.heard);
  const isChanged = verdict === Verdict.ACCEPT || verdict === Verdict.CORRECT;
  return (
    <li class="done">
      <span class="text">{isChanged ? <Changes from={heard} to={text} /> : heard}</span>
      <small class="muted">{verdictLabel(verdict)}</small>
      {undoUntil !== null && undoUntil > Date.now() && (
        <button
          type="button"
          class="plain"
          aria-label={`Undo ${heard}`}
          onClick={() => void desk.undo(reviewCase.name)}
        >
          Undo
        </button>
      )}
    </li>
  );
}

/** Which fields a person is given cases of, and whether those of others that nobody has settled. */
function Wanted({ desk, wishes }: { desk: Desk; wishes: Store<Wishes> }) {
  const { value, reload } = useCall((signal) => reviews.getReviewPreferences({}, { signal }), []);
  const [isSaving, setSaving] = useState(false);
  const wanted = useStore(wishes);
  const chosen = value?.domains ?? [];
  const toggle = async (domain: string) => {
    setSaving(true);
    const all = chosen.length > 0 ? chosen : [...DOMAINS];
    const domains = all.includes(domain) ? all.filter((one) => one !== domain) : [...all, domain];
    await reviews.updateReviewPreferences({ preferences: { domains } }).catch(() => null);
    setSaving(false);
    reload();
  };
  const wish = (changes: Partial<Wishes>) => {
    wishes.set({ ...wanted, ...changes });
    void desk.fill();
  };
  return (
    <details class="more">
      <summary>What you are given</summary>
      <fieldset disabled={isSaving || !value} class="checks">
        <legend>Fields</legend>
        {DOMAINS.map((domain) => (
          <label key={domain}>
            <input
              type="checkbox"
              checked={chosen.length === 0 || chosen.includes(domain)}
              onChange={() => void toggle(domain)}
            />{" "}
            {domain}
          </label>
        ))}
      </fieldset>
      {may("cases:assign") && (
        <fieldset class="checks">
          <legend>Also</legend>
          <label>
            <input
              type="checkbox"
              checked={wanted.includeEscalated}
              onChange={(event) => wish({ includeEscalated: event.currentTarget.checked })}
            />{" "}
            escalated cases
          </label>
          <label>
            <input
              type="checkbox"
              checked={wanted.includeDisputed}
              onChange={(event) => wish({ includeDisputed: event.currentTarget.checked })}
            />{" "}
            disputed cases
          </label>
        </fieldset>
      )}
    </details>
  );
}
