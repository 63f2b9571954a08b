import { useEffect, useMemo, useState } from "preact/hooks";
import { useCall } from "../../api/call";
import { currentSession, may } from "../../api/session";
import { clientOf } from "../../api/transport";
import { useWatch } from "../../api/watch";
import { CaseState, type QueueCounts, ReviewService } from "../../gen/shodhana/api/review/v1/review_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { announce } from "../../shell/live";
import { go } from "../../shell/router";
import { createStore, useStore } from "../../store";
import type { ScreenProps } from "..";
import { Aside } from "./aside";
import { CaseCard } from "./case_card";
import { Desk } from "./desk";
import { HEARTBEAT_MS, type Wishes } from "./desk_state";

const reviews = clientOf(ReviewService);
const wishes = createStore<Wishes>({ includeEscalated: false, includeDisputed: false });

/** One case at a time, decided by keys; the next three wait beside it. */
export default function ReviewScreen({ query }: ScreenProps) {
  const desk = useMemo(() => new Desk(reviews, () => wishes.value, may("cases:assign")), [currentSession()?.user]);
  const { hand, isAsking, failure, notice } = useStore(desk.state);
  const [counts, setCounts] = useState<QueueCounts>();
  const wanted = query.get("case") ?? "";
  useEffect(() => {
    void desk.begin(wanted).then(() => wanted && go("/review", true));
    const beat = () => document.visibilityState === "visible" && void desk.heartbeat();
    const timer = setInterval(() => void desk.heartbeat(), HEARTBEAT_MS);
    document.addEventListener("visibilitychange", beat);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", beat);
    };
  }, [desk]);
  useWatch(
    (signal) => reviews.watchCases({}, { signal }),
    ({ frame }) => {
      if (frame.case === "counts") setCounts(frame.value);
      if (frame.case !== "reviewCase") return;
      desk.changed(frame.value);
      if (frame.value.state === CaseState.PENDING && desk.state.value.hand.length === 0) void desk.fill();
    },
    [desk],
  );
  const current = hand[0];
  useEffect(() => {
    if (current) announce(`Next: ${current.reviewCase.heard}`);
  }, [current?.reviewCase.name]);
  return (
    <div class="review">
      <div class="desk">
        <FailurePanel failure={failure} />
        {notice && (
          <div class="notice" role="status">
            {notice}{" "}
            <button type="button" class="plain" onClick={() => desk.dismiss()}>
              Well
            </button>
          </div>
        )}
        {current && <CaseCard key={current.reviewCase.name} held={current} desk={desk} />}
        {!current && <Nothing isAsking={isAsking} round={counts?.inReview} />}
      </div>
      <Aside desk={desk} counts={counts} wishes={wishes} />
    </div>
  );
}

function Nothing({ isAsking, round }: { isAsking: boolean; round: bigint | undefined }) {
  const { value } = useCall((signal) => reviews.listCases({ holder: "me", pageSize: 100 }, { signal }), [round]);
  if (isAsking) return <div class="card empty">…</div>;
  const elsewhere = value?.cases.length ?? 0;
  return (
    <div class="card empty">
      <h2>Nothing waits for you</h2>
      <p>New cases appear here by themselves.</p>
      {elsewhere > 0 && (
        <p>
          You hold {elsewhere} {elsewhere === 1 ? "case" : "cases"} in another window or on another machine. What is
          closed there comes back after ten minutes.
        </p>
      )}
    </div>
  );
}
