import { useMemo, useState } from "preact/hooks";
import { type Failure, failureOf } from "../../api/failure";
import { clientOf } from "../../api/transport";
import { KnowledgeService } from "../../gen/shodhana/api/review/v1/knowledge_pb";
import { Dialog } from "../../parts/dialog";
import { FailurePanel } from "../../parts/failure_panel";
import { announce } from "../../shell/live";
import { TermFields } from "./term_fields";

const knowledge = clientOf(KnowledgeService);

interface ProposeProps {
  onClose: () => void;
  onProposed: () => void;
}

/** Proposes a term, or a spelling of one, outright; another expert reads it next. */
export function Propose({ onClose, onProposed }: ProposeProps) {
  const [change, setChange] = useState({ heard: "", term: "", domain: "spiritual", gloss: "" });
  const [context, setContext] = useState("");
  const [failure, setFailure] = useState<Failure | null>(null);
  const requestId = useMemo(() => crypto.randomUUID(), [change, context]);
  const propose = async (event: Event) => {
    event.preventDefault();
    setFailure(null);
    try {
      await knowledge.proposeLexiconEntry({ ...change, context, requestId });
      announce("Proposed: another expert reads it next.");
      onProposed();
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <Dialog title="Propose a term, or a spelling" onClose={onClose}>
      <form class="stack" onSubmit={propose}>
        <TermFields change={change} onChange={setChange} />
        <label class="field">
          Where it occurs
          <textarea
            rows={2}
            maxLength={2000}
            value={context}
            onInput={(event) => setContext(event.currentTarget.value)}
          />
        </label>
        <FailurePanel failure={failure} />
        <div>
          <button type="submit" class="primary" disabled={!change.term.trim()}>
            Propose
          </button>
        </div>
      </form>
    </Dialog>
  );
}
