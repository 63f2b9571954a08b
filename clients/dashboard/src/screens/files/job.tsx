import { useEffect, useRef, useState } from "preact/hooks";
import { useCall } from "../../api/call";
import { type Failure, failureOf } from "../../api/failure";
import { usePages } from "../../api/pages";
import { may } from "../../api/session";
import { clientOf } from "../../api/transport";
import { BadRequestSchema } from "../../gen/google/rpc/error_details_pb";
import type { Status } from "../../gen/google/rpc/status_pb";
import type { Scores } from "../../gen/shodhana/api/quality/v1/quality_pb";
import {
  type Job,
  type JobFile,
  JobFileState,
  TranscriptService,
} from "../../gen/shodhana/api/transcripts/v1/transcripts_pb";
import { Dialog } from "../../parts/dialog";
import { FailurePanel } from "../../parts/failure_panel";
import { announce } from "../../shell/live";
import { Link, setQuery } from "../../shell/router";
import { day, millisecondsOf, span } from "../../text/times";
import { unpack } from "../../wire/call_error";
import { Download, DownloadAll } from "./downloads";
import { Follow } from "./jobs";
import { FILE_STATES, fileLabel, hasEnded, jobLabel, Progress, titleOf } from "./states";

const transcripts = clientOf(TranscriptService);
const REFRESH_MS = 1000;

/** A job as it goes: its progress, its files, their scores or what is wrong with them. */
export function JobView({ name, query }: { name: string; query: URLSearchParams }) {
  const { value, failure, reload } = useCall((signal) => transcripts.getJob({ name }, { signal }), [name]);
  const [watched, setWatched] = useState<Job | null>(null);
  const job = watched ?? value;
  const state = Number(query.get("state") ?? 0) as JobFileState;
  const files = usePages(
    async (pageToken, signal) => {
      const page = await transcripts.listJobFiles({ parent: name, pageToken, state, pageSize: 200 }, { signal });
      return { items: page.files, nextPageToken: page.nextPageToken };
    },
    [name, state, useSlow(job ? progressOf(job) : "", REFRESH_MS)],
  );
  const isEnded = job ? hasEnded(job) : false;
  useEffect(() => {
    if (watched && isEnded) announce(`${titleOf(watched)}: ${jobLabel(watched.state)}.`);
  }, [isEnded]);
  if (!job) return <FailurePanel failure={failure} retry={reload} />;
  return (
    <div class="stack">
      {!isEnded && <Follow name={name} onJob={setWatched} />}
      <Link to="/files">← All jobs</Link>
      <section class="card">
        <div class="row apart">
          <h2>{titleOf(job)}</h2>
          <span class="badge">{jobLabel(job.state)}</span>
        </div>
        <Progress job={job} />
        <p class="muted">
          {job.creator}
          {job.createTime && `, ${day(job.createTime)}`}
          {pace(job)}
        </p>
        <div class="row">
          {job.succeededCount > 1 && <DownloadAll job={job} />}
          {!isEnded && may("transcripts:write") && <Cancel job={job} onJob={setWatched} />}
        </div>
      </section>
      <section>
        <div class="row apart">
          <h2>Its files</h2>
          <select
            aria-label="State"
            value={String(state)}
            onChange={(event) => setQuery({ state: event.currentTarget.value.replace(/^0$/, "") })}
          >
            <option value="0">any state</option>
            {FILE_STATES.map((one) => (
              <option key={one} value={one}>
                {fileLabel(one)}
              </option>
            ))}
          </select>
        </div>
        <FailurePanel failure={files.failure} retry={files.reload} />
        {files.items.length > 0 && <Files files={files.items} />}
        {files.items.length === 0 && !files.isLoading && !files.failure && (
          <p class="empty">No file is in this state.</p>
        )}
        {files.more && (
          <button type="button" onClick={files.more}>
            More files
          </button>
        )}
      </section>
    </div>
  );
}

const progressOf = (job: Job): string =>
  [job.runningCount, job.succeededCount, job.failedCount, job.cancelledCount, job.state].join();

/** The value, renewed at most once in `pause` ms, and always to the last one. */
function useSlow<T>(value: T, pause: number): T {
  const [slow, setSlow] = useState(value);
  const since = useRef(0);
  useEffect(() => {
    const timer = setTimeout(
      () => {
        since.current = Date.now();
        setSlow(value);
      },
      Math.max(0, since.current + pause - Date.now()),
    );
    return () => clearTimeout(timer);
  }, [value]);
  return slow;
}

/** ", 42 s, 86 files an hour" of a job that has ended. */
function pace(job: Job): string {
  if (!job.endTime || !job.createTime) return "";
  const seconds = (millisecondsOf(job.endTime) - millisecondsOf(job.createTime)) / 1000;
  const rate =
    job.succeededCount > 1 ? `, ${Math.round((job.succeededCount / Math.max(seconds, 1)) * 3600)} files an hour` : "";
  return `, done in ${span(seconds)}${rate}`;
}

function Files({ files }: { files: readonly JobFile[] }) {
  return (
    <table class="cards-when-narrow">
      <thead>
        <tr>
          <th>File</th>
          <th>State</th>
          <th class="number">IAST</th>
          <th class="number">Accuracy</th>
          <th class="number">Academic</th>
          <th class="number">Overall</th>
          <th>
            <span class="unseen">Result</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {files.map((file) => (
          <FileRow key={file.name} file={file} />
        ))}
      </tbody>
    </table>
  );
}

const COLUMNS: readonly [string, (scores: Scores) => number | undefined][] = [
  ["IAST", (scores) => scores.iastCompliance],
  ["Accuracy", (scores) => scores.sanskritAccuracy],
  ["Academic", (scores) => scores.academicScore],
  ["Overall", (scores) => scores.overallScore],
];

function FileRow({ file }: { file: JobFile }) {
  const [, job, , number] = file.name.split("/");
  const isDone = file.state === JobFileState.SUCCEEDED;
  return (
    <tr>
      <td>
        {isDone ? <Link to={`/files/${job}/${number}`}>{file.filename}</Link> : file.filename}
        {file.error && <Wrong error={file.error} />}
        {file.outdatedBy && (
          <small class="muted by"> {file.outdatedBy} would correct it otherwise: send it again to have that</small>
        )}
      </td>
      <td data-label="State">
        <span class={`badge${file.state === JobFileState.FAILED ? " late" : ""}`}>{fileLabel(file.state)}</span>{" "}
        {file.requiresReview && <span class="badge late">to be reviewed</span>}
        {file.attemptCount > 1 && <small class="muted"> {file.attemptCount} attempts</small>}
      </td>
      {COLUMNS.map(([label, scoreOf]) => (
        <td key={label} class="number" data-label={label}>
          {file.scores ? (scoreOf(file.scores)?.toFixed(3) ?? "–") : ""}
        </td>
      ))}
      <td>{isDone && <Download file={file} />}</td>
    </tr>
  );
}

/** Why a file could not be corrected, line by line where the service says so. */
function Wrong({ error }: { error: Status }) {
  const found = error.details.flatMap((detail) => unpack(detail, BadRequestSchema)?.fieldViolations ?? []);
  return (
    <div class="wrong">
      {error.message}
      {found.length > 1 && (
        <ul>
          {found.slice(0, 20).map(({ field, description }) => (
            <li key={field + description}>
              <code>{field}</code>: {description}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Cancel({ job, onJob }: { job: Job; onJob: (job: Job) => void }) {
  const [isAsked, setAsked] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const cancel = async () => {
    try {
      onJob(await transcripts.cancelJob({ name: job.name, requestId: crypto.randomUUID() }));
      setAsked(false);
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <>
      <button type="button" onClick={() => setAsked(true)}>
        Cancel the rest
      </button>
      {isAsked && (
        <Dialog title={`Cancel ${titleOf(job)}?`} onClose={() => setAsked(false)}>
          <p>Files that have not finished are left as they are; the {job.succeededCount} with a result keep it.</p>
          <FailurePanel failure={failure} />
          <button type="button" class="primary" onClick={() => void cancel()}>
            Cancel the rest
          </button>
        </Dialog>
      )}
    </>
  );
}
