import type { ReviewCase } from "../../gen/shodhana/api/review/v1/review_pb";
import { verdictLabel } from "../../text/labels";

/** One text that could stand there: a suggestion, or what one of two readers decided. */
export interface Option {
  text: string;
  term: string;
  devanagari: string;
  gloss: string;
  probability: number | null;
  reasons: readonly string[];
  /** The text is the one that stands there. */
  isAsHeard: boolean;
}

/** What there is to choose from: readers' decisions first, where they disagree, then the suggestions. */
export function optionsOf(reviewCase: ReviewCase): Option[] {
  const reads = reviewCase.reads.map(
    (read, index): Option => ({
      text: read.decidedText || reviewCase.heard,
      term: read.decidedTerm || read.decidedText,
      devanagari: "",
      gloss: read.comment && `“${read.comment}”`,
      probability: null,
      reasons: [`reader ${index + 1}: ${verdictLabel(read.verdict)}`],
      isAsHeard: read.decidedText === "",
    }),
  );
  const suggestions = reviewCase.suggestions.map(
    (one): Option => ({
      text: one.text || one.term,
      term: one.term,
      devanagari: one.devanagari,
      gloss: one.gloss,
      probability: one.probability,
      reasons: one.reasons,
      isAsHeard: false,
    }),
  );
  return [...reads, ...suggestions];
}

/** The words before, those heard and those after; places count code points, line ends are spaces. */
export function inContext(reviewCase: ReviewCase): [before: string, heard: string, after: string] {
  const letters = Array.from(oneLine(reviewCase.context));
  const { contextStart: start, contextEnd: end } = reviewCase;
  if (!(0 <= start && start < end && end <= letters.length)) return ["", oneLine(reviewCase.heard), ""];
  const part = (from: number, to?: number) => letters.slice(from, to).join("");
  return [part(0, start), part(start, end), part(end)];
}

export const oneLine = (text: string): string => text.replaceAll(/[\r\n]/g, " ");
