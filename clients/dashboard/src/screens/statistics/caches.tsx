import { useCall } from "../../api/call";
import { clientOf } from "../../api/transport";
import { QualityService } from "../../gen/shodhana/api/quality/v1/quality_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { Chart } from "./chart";
import { count, lastDays, percent } from "./days";

const quality = clientOf(QualityService);

/** How much of what the services asked their caches for was there, a line a cache. */
export function Caches({ days }: { days: number }) {
  const { value, failure, reload } = useCall((signal) => quality.getCacheStats({ days }, { signal }), [days]);
  const labels = lastDays(days);
  const found = value?.days ?? [];
  const asked = found.reduce((sum, one) => sum + count(one.hitCount + one.missCount), 0);
  const share = (cache: string, date: string) => {
    const one = found.find((day) => day.cache === cache && day.date === date);
    return one && count(one.hitCount) / Math.max(1, count(one.hitCount + one.missCount));
  };
  return (
    <>
      <FailurePanel failure={failure} retry={reload} />
      {value && (
        <Chart
          title="Cache hits by day"
          of="Day"
          labels={labels}
          top={1}
          format={percent}
          lines={[...new Set(found.map(({ cache }) => cache))].sort().map((cache) => ({
            label: cache.replaceAll("_", " "),
            values: labels.map((label) => share(cache, label)),
          }))}
        >
          {asked > 0 && (
            <small class="muted">Of {asked.toLocaleString("en")} values asked for, over all replicas.</small>
          )}
        </Chart>
      )}
    </>
  );
}
