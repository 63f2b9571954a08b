import { useEffect, useRef, useState } from "preact/hooks";
import { useCall } from "../../api/call";
import { usePages } from "../../api/pages";
import { may } from "../../api/session";
import { clientOf } from "../../api/transport";
import { type Entry, LexiconService } from "../../gen/shodhana/api/similarity/v1/lexicon_pb";
import { type Candidate, SearchMode, SimilarityService } from "../../gen/shodhana/api/similarity/v1/similarity_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { IastField } from "../../parts/iast_field";
import { Meter } from "../../parts/meter";
import { useKeys } from "../../shell/keys";
import { announce } from "../../shell/live";
import { Link, setQuery } from "../../shell/router";
import { DOMAINS } from "../../text/labels";
import { Amend } from "./amend";

const lexicon = clientOf(LexiconService);
const similarity = clientOf(SimilarityService);
const PAUSE_MS = 250;
const LIMIT = 25;
const MODES: readonly [SearchMode, string][] = [
  [SearchMode.HYBRID, "sound, spelling and meaning"],
  [SearchMode.PHONETIC, "sound"],
  [SearchMode.LEXICAL, "spelling"],
  [SearchMode.SEMANTIC, "meaning (describe it)"],
];

/** "lexiconVersions/12/entries/345" as a place of the dashboard. */
export const entryPath = (name: string): string => `/lexicon/${name.split("/")[1]}/${name.split("/")[3]}`;

/** Terms as one types what was heard; all of them while nothing is typed. */
export function SearchPage({ query }: { query: URLSearchParams }) {
  const asked = query.get("q") ?? "";
  const [typed, setTyped] = useState(asked);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const timer = setTimeout(() => setQuery({ q: typed.trim() }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  useKeys([{ key: "/", does: "to the search", act: () => field.current?.select() }]);
  const [domain, mode] = [query.get("domain") ?? "", Number(query.get("by") ?? SearchMode.HYBRID)];
  return (
    <>
      <div class="search">
        <IastField
          label="Term, as it is heard, spelled or meant"
          value={typed}
          onChange={setTyped}
          field={field}
          maxLength={200}
        />
        <label class="field">
          Found by
          <select value={String(mode)} onChange={(event) => setQuery({ by: event.currentTarget.value })}>
            {MODES.map(([one, label]) => (
              <option key={one} value={one}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          Domain
          <select value={domain} onChange={(event) => setQuery({ domain: event.currentTarget.value })}>
            <option value="">any</option>
            {DOMAINS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      </div>
      {asked ? <Found asked={asked} domain={domain} mode={mode} /> : <All domain={domain} />}
    </>
  );
}

function Found({ asked, domain, mode }: { asked: string; domain: string; mode: SearchMode }) {
  const { value, failure, reload } = useCall(
    (signal) => {
      const filter = domain ? { must: [{ field: "domain", anyOf: [domain] }] } : {};
      return similarity.search({ query: asked, options: { limit: LIMIT, mode, filter } }, { signal });
    },
    [asked, domain, mode],
  );
  const first = value?.candidates[0];
  useEffect(() => {
    if (value) announce(first ? `${value.candidates.length} terms, first ${first.term}` : "No term");
  }, [value]);
  return (
    <section aria-label="Terms found">
      <FailurePanel failure={failure} retry={reload} />
      {value?.degraded && (
        <p class="notice">A part of the search is away: these are found by spelling alone, not by sound and meaning.</p>
      )}
      <ol class="terms">
        {value?.candidates.map((candidate) => (
          <FoundTerm key={candidate.entry} candidate={candidate} />
        ))}
      </ol>
      {value && !first && <p class="empty">No term is like “{asked}”.</p>}
      {value && <Missing asked={asked} />}
      {value && (
        <p class="muted">
          Of {value.eligibleCount.toLocaleString()} terms in {value.lexiconVersion}. The bar is similarity, no
          probability.
        </p>
      )}
    </section>
  );
}

/** Where a term comes from that is not there: from what experts decide, or from whoever keeps the lexicon. */
function Missing({ asked }: { asked: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div class="row missing">
      Not among them?
      {may("reviews:read") && (
        <Link to={`/queue?heard=${encodeURIComponent(asked)}`}>
          Cases in which it was heard: deciding one proposes it
        </Link>
      )}
      {may("lexicon:write") && (
        <button type="button" onClick={() => setOpen(true)}>
          Add it…
        </button>
      )}
      {isOpen && <Amend heard={asked} onClose={() => setOpen(false)} />}
    </div>
  );
}

function FoundTerm({ candidate }: { candidate: Candidate }) {
  return (
    <li>
      <div>
        <Term {...candidate} name={candidate.entry} />
        <small class="muted by">{candidate.reasons.map(({ text }) => text).join(" · ")}</small>
      </div>
      <Meter share={candidate.score} label="Similarity" />
    </li>
  );
}

/** "philosophical, philosophy schools". */
export const fieldOf = ({ domain, field }: Pick<Entry, "domain" | "field">): string =>
  field && field !== domain ? `${domain}, ${field.replaceAll("_", " ")}` : domain;

type TermProps = Pick<Entry, "name" | "term" | "devanagari" | "gloss" | "domain" | "field" | "anglicised">;

/** A term, linked, with its Devanagari and its meaning. */
export function Term({ name, term, devanagari, gloss, domain, field, anglicised }: TermProps) {
  return (
    <>
      <span class="head">
        <Link to={entryPath(name)} class="term">
          <span lang="sa-Latn">{term}</span>
        </Link>{" "}
        <span lang="sa-Deva">{devanagari}</span>
      </span>{" "}
      <span class="muted">
        {gloss} <span class="badge">{fieldOf({ domain, field })}</span>
        {anglicised && <span class="badge">also English</span>}
      </span>
    </>
  );
}

function All({ domain }: { domain: string }) {
  const [size, setSize] = useState("");
  const pages = usePages(
    async (pageToken, signal) => {
      const page = await lexicon.listEntries({ parent: "lexiconVersions/active", domain, pageToken }, { signal });
      setSize(`${page.totalSize.toLocaleString()} terms in ${page.lexiconVersion}`);
      return { items: page.entries, nextPageToken: page.nextPageToken };
    },
    [domain],
  );
  return (
    <section aria-label="All terms">
      <FailurePanel failure={pages.failure} retry={pages.reload} />
      <p class="muted">{size}</p>
      <ol class="terms">
        {pages.items.map((entry) => (
          <li key={entry.name}>
            <div>
              <Term {...entry} />
            </div>
          </li>
        ))}
      </ol>
      {pages.more && (
        <button type="button" onClick={pages.more}>
          More terms
        </button>
      )}
    </section>
  );
}
