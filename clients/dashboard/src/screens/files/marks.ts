import { type Correction, CorrectionStatus, type CuePair } from "../../gen/shodhana/api/transcripts/v1/transcripts_pb";

/** A stretch of a cue: text that stays or, with `at`, what the correction of that number is about. */
export type Stretch = { text: string; at?: number };

export const isApplied = (correction: Correction): boolean => correction.status === CorrectionStatus.APPLIED;

/** A cue's text as heard, cut where corrections begin and end; places count code points. */
export function stretchesOf(cue: CuePair, corrections: readonly Correction[], numbers: readonly number[]): Stretch[] {
  const points = Array.from(cue.original);
  const text = (start: number, end?: number) => points.slice(start, end).join("");
  const found: Stretch[] = [];
  let position = 0;
  const inOrder = [...numbers].sort((a, b) => (corrections[a]?.start ?? 0) - (corrections[b]?.start ?? 0));
  for (const at of inOrder) {
    const correction = corrections[at];
    if (!correction || correction.start < position) continue;
    found.push({ text: text(position, correction.start) }, { text: text(correction.start, correction.end), at });
    position = correction.end;
  }
  found.push({ text: text(position) });
  return found.filter((stretch) => stretch.text !== "");
}

/** The numbers of a report's corrections, by cue. */
export function byCue(corrections: readonly Correction[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  corrections.forEach(({ cue }, at) => {
    found.set(cue, [...(found.get(cue) ?? []), at]);
  });
  return found;
}
