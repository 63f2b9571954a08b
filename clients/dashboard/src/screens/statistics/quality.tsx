import { useCall } from "../../api/call";
import { may } from "../../api/session";
import { clientOf } from "../../api/transport";
import { QualityService } from "../../gen/shodhana/api/quality/v1/quality_pb";
import { TranscriptService } from "../../gen/shodhana/api/transcripts/v1/transcripts_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { ago, day, millisecondsOf } from "../../text/times";
import { titleOf } from "../files/states";
import { Caches } from "./caches";
import { Chart } from "./chart";
import { count, lastDays } from "./days";

const quality = clientOf(QualityService);
const transcripts = clientOf(TranscriptService);
const score = (value: number) => value.toFixed(3).replace(/0+$/, "").replace(/\.$/, "");

/** The mean scores of each day, and how many files were scored. */
export function Quality({ days }: { days: number }) {
  const { value, failure, reload } = useCall((signal) => quality.getDailyStats({ days }, { signal }), [days]);
  const labels = lastDays(days);
  const byDay = new Map(value?.days.map((one) => [one.date, one]));
  const of = <T,>(pick: (one: NonNullable<ReturnType<typeof byDay.get>>) => T) =>
    labels.map((label) => {
      const found = byDay.get(label);
      return found && pick(found);
    });
  return (
    <>
      <FailurePanel failure={failure} retry={reload} />
      {value && (
        <>
          <Chart
            title="Quality by day"
            of="Day"
            labels={labels}
            top={1}
            format={score}
            lines={[
              { label: "IAST compliance", values: of((one) => one.meanIastCompliance) },
              { label: "Sanskrit accuracy", values: of((one) => one.meanSanskritAccuracy) },
              { label: "academic", values: of((one) => one.meanAcademicScore) },
              { label: "overall", values: of((one) => one.meanOverallScore) },
            ]}
          />
          <Chart
            title="Files scored a day"
            of="Day"
            labels={labels}
            bars={[
              { label: "passed", values: of((one) => count(one.reportCount - one.requiresReviewCount)) },
              { label: "to be reviewed", values: of((one) => count(one.requiresReviewCount)) },
            ]}
          >
            {value.refreshTime && <small class="muted">Computed {ago(value.refreshTime)}.</small>}
          </Chart>
        </>
      )}
      <Caches days={days} />
      {may("transcripts:read") && <Pace />}
    </>
  );
}

const JOBS = 50;

/** How fast the last jobs went through the workers. */
function Pace() {
  const { value, failure, reload } = useCall((signal) => transcripts.listJobs({ pageSize: JOBS }, { signal }), []);
  const ended = (value?.jobs ?? []).filter((job) => job.endTime && job.createTime && job.succeededCount > 0).reverse();
  const rate = ({ succeededCount, createTime, endTime }: (typeof ended)[number]) =>
    createTime && endTime
      ? Math.round((succeededCount * 3_600_000) / Math.max(1000, millisecondsOf(endTime) - millisecondsOf(createTime)))
      : undefined;
  return (
    <>
      <FailurePanel failure={failure} retry={reload} />
      {value && (
        <Chart
          title="Files an hour, of the last jobs"
          of="Job"
          labels={ended.map((job) => `${titleOf(job)}, ${job.createTime ? day(job.createTime) : ""}`)}
          bars={[{ label: "files an hour, from sending to the last result", values: ended.map(rate) }]}
        />
      )}
    </>
  );
}
