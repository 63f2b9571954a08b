import { CaseState, DecisionType, Verdict } from "../gen/shodhana/api/review/v1/review_pb";

/** "NEEDS_REVISION" as a reader wants it: "needs revision". */
const words = (name: string | undefined): string => (name ?? "unknown").toLowerCase().replaceAll("_", " ");

export const DOMAINS = ["spiritual", "philosophical", "scriptural", "general"] as const;
export const STATES = [1, 2, 3, 4, 5, 6, 7] as const satisfies readonly CaseState[];
export const KINDS = [1, 2, 3, 4, 5, 6, 7, 8] as const satisfies readonly DecisionType[];

const STATE_WORDS: Partial<Record<CaseState, string>> = {
  [CaseState.PENDING]: "waits",
  [CaseState.IN_REVIEW]: "held",
  [CaseState.REJECTED]: "as heard",
  [CaseState.NEEDS_REVISION]: "disputed",
  [CaseState.EXPERT_ESCALATION]: "escalated",
};
const VERDICT_WORDS: Partial<Record<Verdict, string>> = {
  [Verdict.ACCEPT]: "accepted",
  [Verdict.CORRECT]: "corrected",
  [Verdict.REJECT]: "as heard",
  [Verdict.ESCALATE]: "escalated",
  [Verdict.SKIP]: "skipped",
};

export const stateLabel = (state: CaseState): string => STATE_WORDS[state] ?? words(CaseState[state]);
export const verdictLabel = (verdict: Verdict): string => VERDICT_WORDS[verdict] ?? words(Verdict[verdict]);
export const kindLabel = (kind: DecisionType): string => words(DecisionType[kind]);
