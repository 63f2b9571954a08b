import { useState } from "preact/hooks";
import { usePages } from "../../api/pages";
import { may } from "../../api/session";
import { clientOf } from "../../api/transport";
import { useWatch } from "../../api/watch";
import { type Job, JobState, TranscriptService } from "../../gen/shodhana/api/transcripts/v1/transcripts_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { Link, setQuery } from "../../shell/router";
import { ago, day } from "../../text/times";
import { Drop } from "./drop";
import { hasEnded, jobLabel, Progress, titleOf } from "./states";

const transcripts = clientOf(TranscriptService);
const STATES = [JobState.PENDING, JobState.RUNNING, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED];

/** Where files are dropped, and the jobs that came of it. */
export function Jobs({ query }: { query: URLSearchParams }) {
  const pages = usePages(async (pageToken, signal) => {
    const { jobs, nextPageToken } = await transcripts.listJobs({ pageToken, pageSize: 50 }, { signal });
    return { items: jobs, nextPageToken };
  }, []);
  const [state, words] = [Number(query.get("state") ?? 0), query.get("named") ?? ""];
  const isShown = (job: Job) =>
    (!state || job.state === state) && titleOf(job).toLowerCase().includes(words.toLowerCase());
  const shown = pages.items.filter(isShown);
  return (
    <div class="stack">
      {may("transcripts:write") ? (
        <Drop />
      ) : (
        <p class="muted">
          Your roles let you read results. Who is to send files too asks an administrator for the role “processor”.
        </p>
      )}
      <section>
        <div class="row apart">
          <h2>Jobs</h2>
          <div class="row narrow-by">
            <input
              type="search"
              aria-label="Name of the job"
              placeholder="Name"
              value={words}
              onInput={(event) => setQuery({ named: event.currentTarget.value })}
            />
            <select
              aria-label="State"
              value={String(state)}
              onChange={(event) => setQuery({ state: event.currentTarget.value.replace(/^0$/, "") })}
            >
              <option value="0">any state</option>
              {STATES.map((one) => (
                <option key={one} value={one}>
                  {jobLabel(one)}
                </option>
              ))}
            </select>
          </div>
        </div>
        <FailurePanel failure={pages.failure} retry={pages.reload} />
        {shown.length > 0 && (
          <table class="jobs cards-when-narrow">
            <thead>
              <tr>
                <th>Job</th>
                <th>State</th>
                <th>Files</th>
                <th>Made</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((job) => (
                <JobRow key={job.name} job={job} />
              ))}
            </tbody>
          </table>
        )}
        {shown.length === 0 && !pages.isLoading && !pages.failure && (
          <p class="empty">{pages.items.length === 0 ? "No files have been sent yet." : "No job is like that."}</p>
        )}
        {pages.more && (
          <button type="button" onClick={pages.more}>
            Older jobs
          </button>
        )}
      </section>
    </div>
  );
}

function JobRow({ job }: { job: Job }) {
  const [now, setNow] = useState(job);
  return (
    <tr>
      <td>
        {!hasEnded(now) && <Follow name={job.name} onJob={setNow} />}
        <Link to={`/files/${job.name.split("/")[1]}`}>{titleOf(job)}</Link>
        <small class="muted by"> {job.creator}</small>
      </td>
      <td data-label="State">
        <span class={`badge${now.state === JobState.FAILED ? " late" : ""}`}>{jobLabel(now.state)}</span>
      </td>
      <td data-label="Files">
        <Progress job={now} />
      </td>
      <td data-label="Made">{job.createTime && <span title={day(job.createTime)}>{ago(job.createTime)}</span>}</td>
    </tr>
  );
}

/** Follows a job while it runs; whoever shows this takes it away when it has ended. */
export function Follow({ name, onJob }: { name: string; onJob: (job: Job) => void }) {
  useWatch(
    (signal) => transcripts.watchJob({ name }, { signal }),
    ({ frame }) => {
      if (frame.case === "job" || frame.case === "done") onJob(frame.value);
    },
    [name],
  );
  return null;
}
