import { useMemo, useState } from "preact/hooks";
import { type Failure, failureOf } from "../../api/failure";
import { clientOf } from "../../api/transport";
import {
  type AmendLexiconResponse,
  ChangeEffect,
  LexiconService,
} from "../../gen/shodhana/api/similarity/v1/lexicon_pb";
import { Dialog } from "../../parts/dialog";
import { FailurePanel } from "../../parts/failure_panel";
import { Link } from "../../shell/router";
import { TermFields } from "./term_fields";
import { numberOf } from "./versions";

const lexicon = clientOf(LexiconService);
const EFFECTS: Partial<Record<ChangeEffect, string>> = {
  [ChangeEffect.ENTRY_ADDED]: "a term was added",
  [ChangeEffect.ALIAS_ADDED]: "a spelling was added",
  [ChangeEffect.NONE]: "nothing: the lexicon is so already",
};

/** Adds a term, or a spelling of one, in a version that is not in use before somebody chooses it. */
export function Amend({ heard, onClose }: { heard: string; onClose: () => void }) {
  const [change, setChange] = useState({ heard, term: "", domain: "spiritual", gloss: "" });
  const [allowsRivals, setAllowsRivals] = useState(false);
  const [made, setMade] = useState<AmendLexiconResponse | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const requestId = useMemo(() => crypto.randomUUID(), [change, allowsRivals]);
  const amend = async (event: Event) => {
    event.preventDefault();
    setFailure(null);
    try {
      const description = `added by hand: ${change.heard} for ${change.term}`;
      const changes = [{ ...change, allowsRivals }];
      setMade(await lexicon.amendLexicon({ changes, description, requestId }));
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  const rivals = made?.outcomes[0]?.rivals ?? [];
  return (
    <Dialog title="A term, or a spelling of one" onClose={onClose}>
      <form class="stack" onSubmit={amend}>
        <TermFields change={change} onChange={setChange} />
        <FailurePanel failure={failure} />
        {rivals.length > 0 && (
          <div class="notice" role="alert">
            <p>
              “{change.heard}” is a spelling of <span lang="sa-Latn">{rivals.join(", ")}</span>.
            </p>
            <label>
              <input
                type="checkbox"
                checked={allowsRivals}
                onChange={(event) => setAllowsRivals(event.currentTarget.checked)}
              />{" "}
              Add it nevertheless
            </label>
          </div>
        )}
        {made && rivals.length === 0 ? (
          <Made made={made} />
        ) : (
          <div>
            <button type="submit" class="primary" disabled={!change.term.trim()}>
              Make a version with it
            </button>
          </div>
        )}
      </form>
    </Dialog>
  );
}

function Made({ made: { version, outcomes } }: { made: AmendLexiconResponse }) {
  const number = numberOf(version?.name ?? "");
  return (
    <div class="notice" role="status">
      In version {number}, {EFFECTS[outcomes[0]?.effect ?? ChangeEffect.NONE] ?? "nothing was changed"}.{" "}
      <Link to={`/lexicon/versions/${number}`}>What changed</Link>; it is used once it is chosen among the{" "}
      <Link to="/lexicon/versions">versions</Link>.
    </div>
  );
}
