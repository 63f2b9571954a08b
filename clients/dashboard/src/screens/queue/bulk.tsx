import { useEffect, useMemo, useState } from "preact/hooks";
import { type Failure, failureOf } from "../../api/failure";
import { clientOf } from "../../api/transport";
import {
  type BulkDecision,
  type BulkPreview,
  type ReviewCase,
  ReviewService,
  Verdict,
} from "../../gen/shodhana/api/review/v1/review_pb";
import { Changes } from "../../parts/changes";
import { Dialog } from "../../parts/dialog";
import { FailurePanel } from "../../parts/failure_panel";
import { IastField } from "../../parts/iast_field";

const reviews = clientOf(ReviewService);

interface BulkDialogProps {
  like: ReviewCase;
  onClose: () => void;
  onDone: () => void;
}

/** One decision for all waiting cases in which the same was heard; first it is shown what that would reach. */
export function BulkDialog({ like, onClose, onDone }: BulkDialogProps) {
  const [verdict, setVerdict] = useState(Verdict.ACCEPT);
  const [text, setText] = useState("");
  const [preview, setPreview] = useState<BulkPreview | null>(null);
  const [made, setMade] = useState<BulkDecision | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const requestId = useMemo(() => crypto.randomUUID(), [preview?.name]);
  useEffect(() => setPreview(null), [verdict, text]);
  const guarded = async (work: () => Promise<void>) => {
    setFailure(null);
    await work().catch((error) => setFailure(failureOf(error)));
  };
  const look = () =>
    guarded(async () => {
      const decidedText = verdict === Verdict.CORRECT ? text.trim() : "";
      setPreview(await reviews.previewBulkDecision({ query: { heard: like.heard }, verdict, decidedText }));
    });
  const apply = (preview: BulkPreview) =>
    guarded(async () => {
      setMade(await reviews.applyBulkDecision({ preview: preview.name, requestId }));
      onDone();
    });
  const undo = (decision: BulkDecision) =>
    guarded(async () => {
      setMade(await reviews.undoBulkDecision({ name: decision.name, requestId: crypto.randomUUID() }));
      onDone();
    });
  return (
    <Dialog title={`All cases of “${like.heard}”`} onClose={onClose}>
      <FailurePanel failure={failure} />
      {made ? (
        <div class="stack">
          <p role="status">
            {String(made.decidedCount)} decided
            {made.missedCount > 0n && `, ${made.missedCount} left alone: they did not wait any more`}
            {made.undoneCount > 0n && `, ${made.undoneCount} taken back`}.
          </p>
          <div class="row">
            <button type="button" disabled={made.undoneCount > 0n} onClick={() => void undo(made)}>
              Take all back
            </button>
          </div>
        </div>
      ) : (
        <div class="stack">
          <fieldset class="checks">
            <legend>Decide</legend>
            {[
              [Verdict.ACCEPT, "accept each case's first suggestion"] as const,
              [Verdict.CORRECT, "one text for all"] as const,
              [Verdict.REJECT, "as heard: nothing is wrong"] as const,
            ].map(([one, label]) => (
              <label key={one}>
                <input type="radio" name="verdict" checked={verdict === one} onChange={() => setVerdict(one)} /> {label}
              </label>
            ))}
          </fieldset>
          {verdict === Verdict.CORRECT && <IastField label="Right text" value={text} onChange={setText} />}
          {preview ? (
            <Reach preview={preview} apply={() => void apply(preview)} />
          ) : (
            <div class="row">
              <button
                type="button"
                class="primary"
                disabled={verdict === Verdict.CORRECT && !text.trim()}
                onClick={() => void look()}
              >
                Show what it reaches
              </button>
            </div>
          )}
        </div>
      )}
    </Dialog>
  );
}

function Reach({ preview, apply }: { preview: BulkPreview; apply: () => void }) {
  return (
    <>
      <p role="status">
        It reaches {String(preview.caseCount)} cases in {String(preview.fileCount)} files
        {preview.heldCount > 0n && `; ${preview.heldCount} are held by somebody and left alone`}
        {preview.isTruncated && "; more than these match"}.
      </p>
      <ul class="plain-list text">
        {preview.changes.map(({ heard, decidedText, caseCount }) => (
          <li key={heard + decidedText}>
            <Changes from={heard} to={decidedText || heard} /> <small class="muted">{String(caseCount)} ×</small>
          </li>
        ))}
      </ul>
      <div class="row">
        <button type="button" class="primary" disabled={preview.caseCount === 0n} onClick={apply}>
          Decide {String(preview.caseCount)} cases
        </button>
      </div>
    </>
  );
}
