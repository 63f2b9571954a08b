import { useEffect, useState } from "preact/hooks";
import { type Failure, failureOf } from "../../api/failure";
import { may } from "../../api/session";
import { clientOf } from "../../api/transport";
import { useWatch } from "../../api/watch";
import {
  CaseState,
  type QueueCounts,
  type ReviewCase,
  ReviewService,
} from "../../gen/shodhana/api/review/v1/review_pb";
import { Changes } from "../../parts/changes";
import { FailurePanel } from "../../parts/failure_panel";
import { Meter } from "../../parts/meter";
import { announce } from "../../shell/live";
import { Link } from "../../shell/router";
import { stateLabel, verdictLabel } from "../../text/labels";
import { ago, clock, due } from "../../text/times";
import { BulkDialog } from "./bulk";
import { Filters, requestOf } from "./filters";

const reviews = clientOf(ReviewService);
const PAGE = 25;

interface Found {
  cases: ReviewCase[];
  next: string;
  isLoading: boolean;
  failure: Failure | null;
}

/** A page of cases at a time; those on the page follow the queue as it changes. */
export function CaseList({ query }: { query: URLSearchParams }) {
  const [found, setFound] = useState<Found>({ cases: [], next: "", isLoading: true, failure: null });
  const [counts, setCounts] = useState<QueueCounts>();
  const [bulk, setBulk] = useState<ReviewCase | null>(null);
  const [round, setRound] = useState(0);
  const asked = query.toString();
  const load = async (pageToken: string, signal?: AbortSignal) => {
    setFound((old) => ({ ...old, isLoading: true, failure: null }));
    try {
      const request = { ...requestOf(query), pageSize: PAGE, pageToken };
      const page = await reviews.listCases(request, signal ? { signal } : {});
      const before = pageToken ? found.cases : [];
      setFound({ cases: [...before, ...page.cases], next: page.nextPageToken, isLoading: false, failure: null });
      if (asked) announce(`${before.length + page.cases.length} cases`);
    } catch (error) {
      if (!signal?.aborted) setFound((old) => ({ ...old, isLoading: false, failure: failureOf(error) }));
    }
  };
  useEffect(() => {
    const abort = new AbortController();
    void load("", abort.signal);
    return () => abort.abort();
  }, [asked, round]);
  useWatch(
    (signal) => reviews.watchCases({}, { signal }),
    ({ frame }) => {
      if (frame.case === "counts") setCounts(frame.value);
      if (frame.case !== "reviewCase") return;
      const changed = frame.value;
      const renew = (one: ReviewCase) => (one.name === changed.name ? changed : one);
      setFound((old) => ({ ...old, cases: old.cases.map(renew) }));
    },
    [],
  );
  return (
    <div class="stack queue">
      <Filters query={query} counts={counts} />
      <FailurePanel failure={found.failure} retry={() => setRound(round + 1)} />
      {found.cases.length === 0 && !found.isLoading && !found.failure && (
        <p class="card empty">No case is like this.</p>
      )}
      <ul class="cases">
        {found.cases.map((one) => (
          <Row key={one.name} reviewCase={one} onBulk={() => setBulk(one)} />
        ))}
      </ul>
      {found.next && (
        <button type="button" disabled={found.isLoading} onClick={() => void load(found.next)}>
          {found.isLoading ? "…" : "Show more"}
        </button>
      )}
      {bulk && (
        <BulkDialog
          like={bulk}
          onClose={() => setBulk(null)}
          onDone={() => {
            setRound(round + 1);
          }}
        />
      )}
    </div>
  );
}

/** The last decision, unless it was taken back. */
export const standing = ({ decision }: ReviewCase) => (decision?.undoTime ? undefined : decision);

export const idOf = (name: string): string => name.slice(name.lastIndexOf("/") + 1);

function Row({ reviewCase, onBulk }: { reviewCase: ReviewCase; onBulk: () => void }) {
  const { name, state, heard, domain, filename, cue, startMs, dueTime } = reviewCase;
  const decision = standing(reviewCase);
  const first = reviewCase.suggestions[0];
  const isOpen = state === CaseState.PENDING || state === CaseState.IN_REVIEW;
  const time = isOpen && dueTime ? due(dueTime) : null;
  const isWaiting = state !== CaseState.IN_REVIEW && (isOpen || state >= CaseState.NEEDS_REVISION) && !decision;
  return (
    <li class="card">
      <div class="what">
        <Link to={`/queue/${idOf(name)}`} class="text heard">
          {decision ? (
            <Changes from={heard} to={decision.decidedText || heard} />
          ) : (
            <Changes from={heard} to={first ? first.text || first.term : heard} />
          )}
        </Link>
        {!decision && first && <Meter share={first.probability} label="Probability" />}
        <small class="muted">
          {domain} · {filename || "no file"}
          {cue > 0 && ` · cue ${cue}`}
          {startMs !== undefined && ` · ${clock(startMs)}`}
        </small>
      </div>
      <div class="row">
        {time && <span class={time.isLate ? "badge late" : "muted"}>{time.text}</span>}
        <span class="badge">{decision ? verdictLabel(decision.verdict) : stateLabel(state)}</span>
        {decision?.createTime && <small class="muted">{ago(decision.createTime)}</small>}
        {isWaiting && may("reviews:write") && (
          <Link to={`/review?case=${encodeURIComponent(name)}`} class="button">
            Review
          </Link>
        )}
        {state === CaseState.PENDING && may("cases:assign") && (
          <button type="button" aria-label={`All alike… “${heard}”`} onClick={onBulk}>
            All alike…
          </button>
        )}
      </div>
    </li>
  );
}
