import { useState } from "preact/hooks";
import { type Failure, failureOf } from "../../api/failure";
import { clientOf } from "../../api/transport";
import {
  type Job,
  type JobFile,
  JobFileState,
  TranscriptService,
} from "../../gen/shodhana/api/transcripts/v1/transcripts_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { download } from "./download";
import { titleOf } from "./states";
import { zipOf } from "./zip";

const transcripts = clientOf(TranscriptService);

/** The corrected file. */
export function Download({ file }: { file: JobFile }) {
  const [problem, setProblem] = useState("");
  const keep = async () => {
    setProblem("");
    try {
      const result = await transcripts.getResult({ name: file.name });
      download(result.filename, result.content);
    } catch (error) {
      setProblem(failureOf(error).message);
    }
  };
  return (
    <>
      <button type="button" aria-label={`Download ${file.filename}, corrected`} onClick={() => void keep()}>
        Download
      </button>
      {problem && <small role="alert">{problem}</small>}
    </>
  );
}

/** The file with what experts decided since, and how much of it that is. */
export function DownloadDecided({ name }: { name: string }) {
  const [said, setSaid] = useState("");
  const keep = async () => {
    try {
      const { filename, content, decisions } = await transcripts.getResult({ name, applyDecisions: true });
      download(filename, content);
      const { decidedCount = 0, keptCount = 0, openCount = 0, unwrittenCases = [] } = decisions ?? {};
      const byHand = unwrittenCases.length;
      const verses = byHand ? `; ${byHand} of them verses over several cues, to be written by hand` : "";
      setSaid(`${decidedCount} decided, ${keptCount} left as heard, ${openCount} open${verses}`);
    } catch (error) {
      setSaid(failureOf(error).message);
    }
  };
  return (
    <>
      <button type="button" onClick={() => void keep()}>
        Download, with decisions
      </button>
      {said && <small role="status">{said}</small>}
    </>
  );
}

/** All results as one archive. */
export function DownloadAll({ job }: { job: Job }) {
  const [done, setDone] = useState<number | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const keep = async () => {
    setFailure(null);
    setDone(0);
    try {
      const results: { filename: string; content: Uint8Array }[] = [];
      for await (const name of finished(job.name)) {
        results.push(await transcripts.getResult({ name }));
        setDone(results.length);
      }
      download(`${titleOf(job)}.zip`, zipOf(results));
    } catch (error) {
      setFailure(failureOf(error));
    }
    setDone(null);
  };
  return (
    <>
      <button type="button" disabled={done !== null} onClick={() => void keep()}>
        {done === null ? `Download all ${job.succeededCount}` : `${done} of ${job.succeededCount}…`}
      </button>
      <FailurePanel failure={failure} />
    </>
  );
}

async function* finished(parent: string): AsyncIterable<string> {
  let pageToken = "";
  do {
    const page = await transcripts.listJobFiles({ parent, pageToken, pageSize: 1000, state: JobFileState.SUCCEEDED });
    yield* page.files.map(({ name }) => name);
    pageToken = page.nextPageToken;
  } while (pageToken);
}
