import { type Job, JobFileState, JobState } from "../../gen/shodhana/api/transcripts/v1/transcripts_pb";

const JOB_WORDS: Partial<Record<JobState, string>> = {
  [JobState.PENDING]: "waits",
  [JobState.RUNNING]: "runs",
  [JobState.SUCCEEDED]: "done",
  [JobState.FAILED]: "failed",
  [JobState.CANCELLED]: "cancelled",
};
const FILE_WORDS: Partial<Record<JobFileState, string>> = {
  [JobFileState.QUEUED]: "waits",
  [JobFileState.RUNNING]: "runs",
  [JobFileState.SUCCEEDED]: "done",
  [JobFileState.FAILED]: "failed",
  [JobFileState.CANCELLED]: "cancelled",
};
export const FILE_STATES = [1, 2, 3, 4, 5] as const satisfies readonly JobFileState[];

export const jobLabel = (state: JobState): string => JOB_WORDS[state] ?? "unknown";
export const fileLabel = (state: JobFileState): string => FILE_WORDS[state] ?? "unknown";
export const hasEnded = (job: Job): boolean => job.state > JobState.RUNNING;

/** What a job is called: what it is for or, without that, its number. */
export const titleOf = (job: Job): string => job.displayName || `Job ${job.name.split("/")[1]}`;

/** How far a job is, as a bar and in words. */
export function Progress({ job }: { job: Job }) {
  const ended = job.succeededCount + job.failedCount + job.cancelledCount;
  const parts = [
    `${job.succeededCount} done`,
    job.runningCount > 0 && `${job.runningCount} in hand`,
    job.failedCount > 0 && `${job.failedCount} failed`,
    job.cancelledCount > 0 && `${job.cancelledCount} cancelled`,
  ];
  return (
    <div class="progress">
      <progress max={job.fileCount} value={ended} aria-label={`Progress of ${titleOf(job)}`} />
      <small>
        {parts.filter(Boolean).join(", ")} of {job.fileCount}
      </small>
    </div>
  );
}
