import type { ReviewCase } from "../../gen/shodhana/api/review/v1/review_pb";
import { Changes } from "../../parts/changes";
import { inContext } from "./options";

/** The words around, and in their midst what was heard with what would stand there. */
export function Context({ reviewCase, proposed }: { reviewCase: ReviewCase; proposed: string }) {
  const [before, heard, after] = inContext(reviewCase);
  return (
    <blockquote class="text context" lang="en">
      {before}
      <mark>
        <Changes from={heard} to={proposed} />
      </mark>
      {after}
    </blockquote>
  );
}
