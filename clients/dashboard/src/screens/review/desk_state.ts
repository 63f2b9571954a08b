import type { Failure } from "../../api/failure";
import type { ClaimedCase, DecisionType, Lease, ReviewCase, Verdict } from "../../gen/shodhana/api/review/v1/review_pb";

/** The case on the desk and the next three. */
export const HAND = 4;
export const HEARTBEAT_MS = 60_000;

export interface Held {
  reviewCase: ReviewCase;
  lease: Lease;
}

export interface Answer {
  verdict: Verdict;
  text: string;
  term: string;
  kind: DecisionType;
  comment: string;
}

/** Something done with a case here; `undoUntil` is set once the service has it. */
export interface Done {
  reviewCase: ReviewCase;
  verdict: Verdict;
  text: string;
  undoUntil: number | null;
}

export interface DeskState {
  hand: readonly Held[];
  done: readonly Done[];
  isAsking: boolean;
  failure: Failure | null;
  notice: string;
  /** Counts up when a draft was kept. */
  drafts: number;
}

export interface Wishes {
  includeEscalated: boolean;
  includeDisputed: boolean;
}

export const EMPTY: DeskState = { hand: [], done: [], isAsking: true, failure: null, notice: "", drafts: 0 };

export function heldOf({ reviewCase, lease }: ClaimedCase): Held {
  return { reviewCase: reviewCase as ReviewCase, lease: lease as Lease };
}
