/** The last `count` days (UTC), oldest first: "2026-11-24". */
export function lastDays(count: number, now = Date.now()): string[] {
  return Array.from({ length: count }, (_, index) =>
    new Date(now - (count - 1 - index) * 86_400_000).toISOString().slice(0, 10),
  );
}

/** Counts that the contract has as 64-bit numbers. */
export const count = (value: bigint | undefined): number => Number(value ?? 0n);

/** A share as a reader says it: "97.3 %". */
export const percent = (share: number | undefined) => (share === undefined ? "–" : `${(share * 100).toFixed(1)} %`);
