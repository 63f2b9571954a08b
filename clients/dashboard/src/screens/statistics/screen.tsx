import { may } from "../../api/session";
import { setQuery } from "../../shell/router";
import type { ScreenProps } from "..";
import { Quality } from "./quality";
import { Queue } from "./queue";

const PERIODS = [7, 30, 90, 365];

/** How good the results are, how fast they come, and how the queue is worked on. */
export default function StatisticsScreen({ query }: ScreenProps) {
  const days = Number(query.get("days") ?? 30) || 30;
  return (
    <div class="stack statistics">
      <label class="row">
        Period
        <select value={String(days)} onChange={(event) => setQuery({ days: event.currentTarget.value })}>
          {PERIODS.map((one) => (
            <option key={one} value={one}>
              {one} days
            </option>
          ))}
        </select>
      </label>
      {may("reports:read") && (
        <>
          <h2>Transcripts</h2>
          <Quality days={days} />
        </>
      )}
      <h2>Review</h2>
      <Queue days={days} />
    </div>
  );
}
