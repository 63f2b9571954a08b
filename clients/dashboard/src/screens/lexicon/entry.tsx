import { useCall } from "../../api/call";
import { may } from "../../api/session";
import { clientOf } from "../../api/transport";
import { type Entry, LexiconService } from "../../gen/shodhana/api/similarity/v1/lexicon_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { Link } from "../../shell/router";
import { fieldOf } from "./search";

const lexicon = clientOf(LexiconService);

/** All that the lexicon says of a term. */
export function EntryPage({ name }: { name: string }) {
  const { value, failure, reload } = useCall((signal) => lexicon.getEntry({ name }, { signal }), [name]);
  return (
    <>
      <FailurePanel failure={failure} retry={reload} />
      {value && <Found entry={value} />}
    </>
  );
}

function Found({ entry }: { entry: Entry }) {
  const version = entry.name.split("/")[1];
  const facts: [string, string][] = [
    ["Meaning", entry.gloss],
    ["Domain", fieldOf(entry)],
    ["Part of speech", entry.partOfSpeech],
    ["Also English", entry.anglicised ? "yes: kept in its popular spelling unless a job restores such terms" : ""],
    ["Remark", entry.note],
    ["Source", [entry.source, entry.license && `(${entry.license})`].filter(Boolean).join(" ")],
  ];
  return (
    <article class="card entry">
      <h2>
        <span lang="sa-Latn">{entry.term}</span> <span lang="sa-Deva">{entry.devanagari}</span>
      </h2>
      <dl>
        {facts.map(
          ([label, fact]) =>
            fact && (
              <div key={label}>
                <dt>{label}</dt>
                <dd>{fact}</dd>
              </div>
            ),
        )}
        <div>
          <dt>Spellings</dt>
          <dd>
            {entry.aliases.length === 0 && "none but its own"}
            <ul class="spellings text">
              {entry.aliases.map((alias) => (
                <li key={alias}>{alias}</li>
              ))}
            </ul>
          </dd>
        </div>
        <div>
          <dt>Version</dt>
          <dd>
            <Link to={`/lexicon/versions/${version}`}>lexiconVersions/{version}</Link>
          </dd>
        </div>
      </dl>
      <p>
        <Link to={`/lexicon?q=${encodeURIComponent(entry.term)}`}>Terms that sound like it</Link>
        {may("reviews:read") && (
          <>
            {" · "}
            <Link to="/lexicon/proposals">Spellings proposed</Link>
          </>
        )}
      </p>
    </article>
  );
}
