import { useCall } from "../../api/call";
import { usePages } from "../../api/pages";
import { clientOf } from "../../api/transport";
import { type Entry, type EntryChange, LexiconService } from "../../gen/shodhana/api/similarity/v1/lexicon_pb";
import { Changes } from "../../parts/changes";
import { FailurePanel } from "../../parts/failure_panel";
import { go, setQuery } from "../../shell/router";
import { fieldOf, Term } from "./search";
import { numberOf } from "./versions";

const lexicon = clientOf(LexiconService);

/** What differs between a version and the one it was made from, or any other. */
export function Diff({ id, query }: { id: string; query: URLSearchParams }) {
  const base = query.get("from") ?? "";
  const versions = useCall((signal) => lexicon.listLexiconVersions({ pageSize: 100 }, { signal }), []);
  const all = versions.value?.lexiconVersions ?? [];
  const before = base || numberOf(all.find(({ name }) => numberOf(name) === id)?.supersedes ?? "");
  const pages = usePages(
    async (pageToken, signal) => {
      const request = { name: `lexiconVersions/${id}`, base: base && `lexiconVersions/${base}`, pageToken };
      const page = await lexicon.diffLexiconVersions(request, { signal });
      return { items: page.changes, nextPageToken: page.nextPageToken };
    },
    [id, base],
  );
  const numbers = all.map(({ name }) => numberOf(name));
  return (
    <section class="stack">
      <h2>What changed</h2>
      <div class="row">
        <Choice label="From version" value={before} numbers={numbers} onChoice={(from) => setQuery({ from })} />
        <Choice
          label="to version"
          value={id}
          numbers={numbers}
          onChoice={(to) => go(`/lexicon/versions/${to}${before ? `?from=${before}` : ""}`, true)}
        />
      </div>
      <FailurePanel failure={pages.failure} retry={pages.reload} />
      <ul class="differences">
        {pages.items.map((change) => (
          <Difference key={change.after?.name ?? change.before?.name} change={change} />
        ))}
      </ul>
      {pages.items.length === 0 && !pages.isLoading && !pages.failure && <p class="empty">Both have the same terms.</p>}
      {pages.more && (
        <button type="button" onClick={pages.more}>
          More changes
        </button>
      )}
    </section>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  numbers: readonly string[];
  onChoice: (number: string) => void;
}

function Choice({ label, value, numbers, onChoice }: ChoiceProps) {
  return (
    <label>
      {label}{" "}
      <select value={value} onChange={(event) => onChoice(event.currentTarget.value)}>
        {!numbers.includes(value) && <option value={value}>{value || "none"}</option>}
        {numbers.map((number) => (
          <option key={number}>{number}</option>
        ))}
      </select>
    </label>
  );
}

const FIELDS: readonly [string, (entry: Entry) => string][] = [
  ["meaning", (entry) => entry.gloss],
  ["domain", fieldOf],
  ["part of speech", (entry) => entry.partOfSpeech],
  ["spellings", (entry) => [...entry.aliases].sort().join(" · ")],
  ["remark", (entry) => entry.note],
  ["also English", (entry) => (entry.anglicised ? "yes" : "no")],
  ["source", (entry) => `${entry.source} ${entry.license}`.trim()],
];

function Difference({ change: { before, after } }: { change: EntryChange }) {
  const shown = after ?? before;
  if (!shown) return null;
  const word = !before ? "+ added" : !after ? "− removed" : "~ changed";
  const kind = !before ? "added" : !after ? "removed" : "changed";
  return (
    <li>
      <span class={`badge ${kind}`}>{word}</span>
      <div>
        <Term {...shown} />
        {before && after ? (
          <dl class="fields">
            {FIELDS.filter(([, of]) => of(before) !== of(after)).map(([label, of]) => (
              <div key={label}>
                <dt>{label}</dt>
                <dd>
                  <Changes from={of(before)} to={of(after)} unit="word" />
                </dd>
              </div>
            ))}
          </dl>
        ) : (
          shown.aliases.length > 0 && <small class="muted by text">{shown.aliases.join(" · ")}</small>
        )}
      </div>
    </li>
  );
}
