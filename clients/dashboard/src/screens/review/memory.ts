// What a browser keeps when a tab is closed or loaded anew: the leases it holds, and the texts that were begun. Of
// several tabs the first has the leases; the others begin with an empty desk of their own.
export interface KnownLease {
  reviewCase: string;
  fencingToken: bigint;
}

/** What a person has begun to say about a case. */
export interface Begun {
  choice: number;
  typed: string;
  comment: string;
  kind: number;
}

const LEASES = "review.leases";
const CLAIM = "review.claim";
const begunKey = (name: string) => `review.begun.${name}`;
let isFirst = false;

/** Whether this tab is the one that keeps leases; it is until it is closed. */
export function becomeFirst(): Promise<boolean> {
  if (isFirst) return Promise.resolve(true);
  return new Promise((resolve) => {
    void navigator.locks.request("review.desk", { ifAvailable: true }, (lock) => {
      isFirst = lock !== null;
      resolve(isFirst);
      return lock ? new Promise(() => {}) : undefined; // held until the tab is closed
    });
  });
}

export function rememberLeases(leases: readonly KnownLease[]): void {
  const kept = leases.map(({ reviewCase, fencingToken }) => [reviewCase, String(fencingToken)]);
  if (isFirst) localStorage.setItem(LEASES, JSON.stringify(kept));
}

export function rememberedLeases(): KnownLease[] {
  const kept: [string, string][] = JSON.parse(localStorage.getItem(LEASES) ?? "[]");
  return kept.map(([reviewCase, token]) => ({ reviewCase, fencingToken: BigInt(token) }));
}

/** A claim whose answer may never come: asked again with the same id it hands out the same cases. */
export function rememberClaim(requestId: string): void {
  if (isFirst) localStorage.setItem(CLAIM, requestId);
}

export const rememberedClaim = (): string => localStorage.getItem(CLAIM) ?? "";

export function rememberBegun(name: string, begun: Begun): void {
  localStorage.setItem(begunKey(name), JSON.stringify(begun));
}

export function rememberedBegun(name: string): Begun {
  const kept = localStorage.getItem(begunKey(name));
  return kept ? JSON.parse(kept) : { choice: 0, typed: "", comment: "", kind: 0 };
}

export function forgetBegun(name: string): void {
  localStorage.removeItem(begunKey(name));
}
