import { useState } from "preact/hooks";
import { type Failure, failureOf } from "../../api/failure";
import { usePages } from "../../api/pages";
import { may } from "../../api/session";
import { clientOf } from "../../api/transport";
import { LexiconService, type LexiconVersion } from "../../gen/shodhana/api/similarity/v1/lexicon_pb";
import { Dialog } from "../../parts/dialog";
import { FailurePanel } from "../../parts/failure_panel";
import { announce } from "../../shell/live";
import { Link } from "../../shell/router";
import { day } from "../../text/times";

const lexicon = clientOf(LexiconService);
export const numberOf = (version: string): string => version.split("/")[1] ?? version;

/** Every state the lexicon has had, newest first; one is in use. */
export function Versions() {
  const pages = usePages(async (pageToken, signal) => {
    const page = await lexicon.listLexiconVersions({ pageToken }, { signal });
    return { items: page.lexiconVersions, nextPageToken: page.nextPageToken };
  }, []);
  return (
    <section>
      <h2>Versions</h2>
      <FailurePanel failure={pages.failure} retry={pages.reload} />
      <ol class="versions">
        {pages.items.map((version) => (
          <Version key={version.name} version={version} onActive={pages.reload} />
        ))}
      </ol>
      {pages.more && (
        <button type="button" onClick={pages.more}>
          Older versions
        </button>
      )}
    </section>
  );
}

function Version({ version, onActive }: { version: LexiconVersion; onActive: () => void }) {
  const number = numberOf(version.name);
  return (
    <li class="card">
      <div class="row apart">
        <h3>
          Version {number} {version.active && <span class="badge">in use</span>}
        </h3>
        <span class="row">
          {version.supersedes && <Link to={`/lexicon/versions/${number}`}>What changed</Link>}
          {!version.active && may("lexicon:write") && <Activate version={version} onActive={onActive} />}
        </span>
      </div>
      {version.description && <p>{version.description}</p>}
      <small class="muted">
        {version.entryCount.toLocaleString()} terms, {version.creator}
        {version.createTime && `, ${day(version.createTime)}`}
        {version.supersedes && `, made from ${numberOf(version.supersedes)}`}
        {version.decisions.length > 0 && ", of the decisions"}
      </small>
      {version.decisions.length > 0 && <Decisions names={version.decisions} />}
    </li>
  );
}

const FEW = 8;

/** The cases in which experts decided what the version says. */
function Decisions({ names }: { names: readonly string[] }) {
  const cases = [...new Set(names.map((name) => name.split("/")[1] ?? ""))];
  return (
    <span class="decisions">
      {cases.slice(0, FEW).map((id) => (
        <Link key={id} to={`/queue/${id}`}>
          case {id}
        </Link>
      ))}
      {cases.length > FEW && <small class="muted">and {cases.length - FEW} more</small>}
    </span>
  );
}

function Activate({ version, onActive }: { version: LexiconVersion; onActive: () => void }) {
  const [requestId, setRequestId] = useState("");
  const [failure, setFailure] = useState<Failure | null>(null);
  const number = numberOf(version.name);
  const activate = async () => {
    try {
      await lexicon.activateLexiconVersion({ name: version.name, requestId });
      setRequestId("");
      announce(`Version ${number} is in use.`);
      onActive();
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <>
      <button type="button" onClick={() => setRequestId(crypto.randomUUID())}>
        Use this version
      </button>
      {requestId && (
        <Dialog title={`Use version ${number}?`} onClose={() => setRequestId("")}>
          <p>
            From then on every correction and search works with its {version.entryCount.toLocaleString()} terms. No
            version is lost: the one in use can be chosen again.
          </p>
          <FailurePanel failure={failure} />
          <button type="button" class="primary" onClick={() => void activate()}>
            Use version {number}
          </button>
        </Dialog>
      )}
    </>
  );
}
