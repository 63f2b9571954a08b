import { type Failure, failureOf } from "../../api/failure";
import type { ClaimedCase, Lease, ReviewCase, ReviewService } from "../../gen/shodhana/api/review/v1/review_pb";
import { Verdict } from "../../gen/shodhana/api/review/v1/review_pb";
import { createStore, type Store } from "../../store";
import { millisecondsOf } from "../../text/times";
import type { Client } from "../../wire/client";
import { type Answer, type DeskState, type Done, EMPTY, HAND, type Held, heldOf, type Wishes } from "./desk_state";
import {
  becomeFirst,
  type KnownLease,
  rememberClaim,
  rememberedClaim,
  rememberedLeases,
  rememberLeases,
} from "./memory";

/** Of one call. */
const MOST_LEASES = 5;

type Reviews = Client<typeof ReviewService>;

/** The cases that a person holds and what they do with them. What is shown goes ahead; the service follows. */
export class Desk {
  readonly state: Store<DeskState> = createStore(EMPTY);
  private filling: Promise<void> = Promise.resolve();
  private expected = 0; // cases asked for that have not come yet
  private readonly requestIds = new Map<string, string>();
  private readonly sending = new Map<string, Promise<void>>();

  constructor(
    private readonly reviews: Reviews,
    private readonly wishes: () => Wishes,
    private readonly mayAssign: boolean,
  ) {}

  /** Takes up what this browser held before, then the case that is wanted, then the most urgent. */
  async begin(wanted: string): Promise<void> {
    if (await becomeFirst()) await this.guarded(() => this.takeUpAgain());
    if (wanted) await this.take(wanted);
    await this.fill();
    this.change({ isAsking: false });
  }

  /** Asks for as many cases as are missing. */
  fill(): Promise<void> {
    this.filling = this.fillUp();
    return this.filling;
  }

  private async fillUp(): Promise<void> {
    const count = this.missing();
    if (count <= 0) return;
    this.expected += count;
    await this.guarded(() => this.claim(count, crypto.randomUUID()));
    this.expected -= count;
  }

  /** Takes one case up, before all others. False: somebody else holds it, or it does not wait any more. */
  async take(name: string): Promise<boolean> {
    await this.filling; // it may bring the case
    const held = this.state.value.hand.find(({ reviewCase }) => reviewCase.name === name);
    if (held) this.change({ hand: [held, ...this.without(name)] });
    if (held) return true;
    let isTaken = false;
    await this.guarded(async () => {
      const all = { includeEscalated: this.mayAssign, includeDisputed: this.mayAssign };
      const answer = await this.reviews.claimCases({ names: [name], ...all, requestId: crypto.randomUUID() });
      isTaken = answer.cases.length > 0;
      this.change({ hand: [...answer.cases.map(heldOf), ...this.state.value.hand] });
      if (!isTaken) this.change({ notice: "This case cannot be had: it is decided, or somebody else holds it." });
    });
    this.remember();
    return isTaken;
  }

  decide(held: Held, answer: Answer): Promise<void> {
    const { name } = held.reviewCase;
    const claim = this.missing(this.state.value.hand.length - 1);
    this.expected += claim;
    return this.send(held, answer.verdict, answer.text, async (requestId) => {
      try {
        const made = await this.reviews.decideCase({
          name,
          fencingToken: held.lease.fencingToken,
          verdict: answer.verdict,
          decidedText: answer.verdict === Verdict.CORRECT ? answer.text : "",
          decidedTerm: answer.verdict === Verdict.CORRECT ? answer.term : "",
          decisionType: answer.kind,
          comment: answer.comment,
          requestId,
          ...(claim > 0 ? { claimNext: { count: claim, ...this.wishes() } } : {}),
        });
        this.addClaimed(made.nextCases);
        return made.undoDeadline ? millisecondsOf(made.undoDeadline) : null;
      } finally {
        this.expected -= claim;
      }
    });
  }

  /** Gives a case back (SKIP), or hands it to a senior expert (ESCALATE). */
  async giveAway(held: Held, verdict: Verdict.SKIP | Verdict.ESCALATE, comment: string): Promise<void> {
    const { name } = held.reviewCase;
    const { fencingToken } = held.lease;
    await this.send(held, verdict, "", async (requestId) => {
      const request = { name, fencingToken, comment, requestId };
      await (verdict === Verdict.SKIP ? this.reviews.skipCase(request) : this.reviews.escalateCase(request));
      return null;
    });
    await this.fill();
  }

  /** Takes the last decision back, or that on `name`, and puts the case before the person again. */
  async undo(name = this.undoable()?.reviewCase.name): Promise<boolean> {
    if (!name) return false;
    await this.sending.get(name);
    let isUndone = false;
    await this.guarded(async () => {
      await this.reviews.undoDecision({ name, requestId: crypto.randomUUID() });
      isUndone = true;
      this.change({ done: this.state.value.done.filter(({ reviewCase }) => reviewCase.name !== name) });
      await this.take(name);
    });
    return isUndone;
  }

  /** The last decision that can be taken back now. */
  undoable(): Done | undefined {
    const now = Date.now();
    return this.state.value.done.find(({ reviewCase, undoUntil }) =>
      undoUntil === null ? this.sending.has(reviewCase.name) : undoUntil > now,
    );
  }

  /** Prolongs what is held; what was lost leaves the desk. */
  async heartbeat(): Promise<void> {
    const leases = this.state.value.hand.map(({ lease }) => lease);
    if (leases.length === 0) return;
    const answer = await this.prolong(leases).catch(() => null);
    if (!answer) return; // the next one tells
    const current = this.state.value.hand[0]?.reviewCase.name;
    const renewed = new Map(answer.leases.map((lease) => [lease.reviewCase, lease]));
    const kept = this.state.value.hand.filter(({ reviewCase }) => !answer.lost.includes(reviewCase.name));
    this.change({ hand: kept.map((held) => ({ ...held, lease: renewed.get(held.reviewCase.name) ?? held.lease })) });
    this.remember();
    if (!current || !answer.lost.includes(current)) return void this.fill();
    const isBack = await this.take(current);
    if (!isBack) this.change({ notice: "You were away for long, and somebody else has taken this case up meanwhile." });
    await this.fill();
  }

  /** A case has changed, as the watch tells: its suggestions may be better now. */
  changed(reviewCase: ReviewCase): void {
    const { hand } = this.state.value;
    if (!hand.some((held) => held.reviewCase.name === reviewCase.name)) return;
    this.change({
      hand: hand.map((held) => (held.reviewCase.name === reviewCase.name ? { ...held, reviewCase } : held)),
    });
  }

  dismiss(): void {
    this.change({ failure: null, notice: "" });
  }

  private async prolong(leases: readonly KnownLease[]): Promise<{ leases: Lease[]; lost: string[] }> {
    const parts = [leases.slice(0, MOST_LEASES), leases.slice(MOST_LEASES)].filter((part) => part.length > 0);
    const answers = await Promise.all(parts.map((part) => this.reviews.heartbeatCases({ leases: [...part] })));
    return { leases: answers.flatMap((one) => one.leases), lost: answers.flatMap((one) => one.lost) };
  }

  private async claim(count: number, requestId: string): Promise<void> {
    rememberClaim(requestId);
    const answer = await this.reviews.claimCases({ count, ...this.wishes(), requestId });
    this.addClaimed(answer.cases);
  }

  private async takeUpAgain(): Promise<void> {
    const leases = rememberedLeases();
    if (leases.length > 0) {
      const kept = (await this.prolong(leases)).leases;
      const cases = await Promise.all(kept.map(({ reviewCase }) => this.reviews.getCase({ name: reviewCase })));
      this.add(kept.map((lease, index) => ({ lease, reviewCase: cases[index] as ReviewCase })));
    }
    const count = this.missing();
    if (count > 0 && rememberedClaim()) await this.claim(count, rememberedClaim());
  }

  // Takes the case off the desk at once; it comes back where the service refuses.
  private async send(
    held: Held,
    verdict: Verdict,
    text: string,
    call: (requestId: string) => Promise<number | null>,
  ): Promise<void> {
    const { name } = held.reviewCase;
    const key = [name, held.lease.fencingToken, verdict, text].join();
    const requestId = this.requestIds.get(key) ?? crypto.randomUUID();
    this.requestIds.set(key, requestId); // a second try is the same request
    const done: Done = { reviewCase: held.reviewCase, verdict, text, undoUntil: null };
    this.change({ hand: this.without(name), done: [done, ...this.state.value.done], failure: null, notice: "" });
    const sent = call(requestId).then(
      (undoUntil) => this.replaceDone(done, { ...done, undoUntil }),
      (error) => this.refused(held, done, failureOf(error)),
    );
    this.sending.set(name, sent);
    await sent;
    this.sending.delete(name);
    this.remember();
  }

  private refused(held: Held, done: Done, failure: Failure): void {
    this.replaceDone(done);
    if (failure.reason.endsWith("LEASE_LOST")) {
      const notice = "Your time with this case had run out, so nothing was decided. What you sent is kept as a draft.";
      this.change({ notice, drafts: this.state.value.drafts + 1 });
      void this.fill();
    } else if (failure.reason.endsWith("CASE_STATE")) {
      this.change({ failure });
      void this.fill();
    } else {
      this.change({ hand: [held, ...this.state.value.hand], failure });
    }
  }

  private replaceDone(old: Done, now?: Done): void {
    const { done } = this.state.value;
    this.change({ done: done.flatMap((one) => (one === old ? (now ? [now] : []) : [one])) });
  }

  private missing(held = this.state.value.hand.length): number {
    return Math.max(0, HAND - held - this.expected);
  }

  private without(name: string): Held[] {
    return this.state.value.hand.filter(({ reviewCase }) => reviewCase.name !== name);
  }

  private addClaimed(cases: readonly ClaimedCase[]): void {
    this.add(cases.map(heldOf));
  }

  private add(held: readonly Held[]): void {
    const known = new Set(this.state.value.hand.map(({ reviewCase }) => reviewCase.name));
    const fresh = held.filter(({ reviewCase }) => !known.has(reviewCase.name));
    this.change({ hand: [...this.state.value.hand, ...fresh] });
    this.remember();
  }

  private async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.change({ failure: failureOf(error) });
    }
  }

  private remember(): void {
    rememberLeases(this.state.value.hand.map(({ lease }) => lease));
  }

  private change(changes: Partial<DeskState>): void {
    this.state.set({ ...this.state.value, ...changes });
  }
}
