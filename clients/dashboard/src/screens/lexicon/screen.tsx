import { may } from "../../api/session";
import { Link } from "../../shell/router";
import type { ScreenProps } from "..";
import { Diff } from "./diff";
import { EntryPage } from "./entry";
import { Proposals } from "./proposals";
import { SearchPage } from "./search";
import { Versions } from "./versions";

const PARTS = [
  { path: "", title: "Terms", permission: "lexicon:read" },
  { path: "versions", title: "Versions", permission: "lexicon:read" },
  { path: "proposals", title: "Proposals", permission: "reviews:read" },
];

/** /lexicon, /lexicon/12/345 (an entry), /lexicon/versions, /lexicon/versions/12 (what changed), /lexicon/proposals. */
export default function LexiconScreen({ rest, query }: ScreenProps) {
  const [part = "", id] = rest.split("/");
  const here = PARTS.some(({ path }) => path === part) ? part : "";
  return (
    <div class="stack lexicon">
      <nav class="parts" aria-label="Lexicon">
        {PARTS.filter(({ permission }) => may(permission)).map(({ path, title }) => (
          <Link key={path} to={path ? `/lexicon/${path}` : "/lexicon"} current={path === here}>
            {title}
          </Link>
        ))}
      </nav>
      {!part && <SearchPage query={query} />}
      {part === "versions" && (id ? <Diff key={id} id={id} query={query} /> : <Versions />)}
      {part === "proposals" && <Proposals query={query} />}
      {/^\d+$/.test(part) && <EntryPage key={rest} name={`lexiconVersions/${part}/entries/${id}`} />}
    </div>
  );
}
