import { useCall } from "../../api/call";
import { clientOf } from "../../api/transport";
import { type Draft, ReviewService } from "../../gen/shodhana/api/review/v1/review_pb";
import { stateLabel } from "../../text/labels";
import type { Desk } from "./desk";
import { rememberBegun } from "./memory";

const reviews = clientOf(ReviewService);

/** What was sent too late: to be taken up again, or thrown away. */
export function Drafts({ desk, round }: { desk: Desk; round: number }) {
  const { value, reload } = useCall((signal) => reviews.listDrafts({ pageSize: 20 }, { signal }), [round]);
  if (!value || value.drafts.length === 0) return null;
  const drop = async (draft: Draft) => {
    await reviews.deleteDraft({ name: draft.name });
    reload();
  };
  const takeUp = async (draft: Draft) => {
    rememberBegun(draft.reviewCase, { choice: 0, typed: draft.decidedText, comment: draft.comment, kind: 0 });
    if (await desk.take(draft.reviewCase)) await drop(draft);
  };
  return (
    <section>
      <h2>Drafts</h2>
      <ul class="plain-list">
        {value.drafts.map((draft) => (
          <li key={draft.name} class="done">
            <span class="text">
              {draft.heard} → {draft.decidedText || "as heard"}
            </span>
            <small class="muted">{stateLabel(draft.state)}</small>
            <span class="row">
              <button type="button" onClick={() => void takeUp(draft)}>
                Take up again
              </button>
              <button type="button" onClick={() => void drop(draft)}>
                Throw away
              </button>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
