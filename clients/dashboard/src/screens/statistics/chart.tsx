import type { ComponentChildren } from "preact";

/** What is drawn over the labels of a chart; a value that is absent leaves a gap. */
export interface Series {
  label: string;
  values: readonly (number | undefined)[];
}

interface ChartProps {
  title: string;
  /** What each place of the axis is: a day, a job. */
  of: string;
  labels: readonly string[];
  /** Stacked on each other. */
  bars?: readonly Series[];
  lines?: readonly Series[];
  /** The top of the scale; without it the highest value, rounded up. */
  top?: number;
  format?: (value: number) => string;
  children?: ComponentChildren;
}

const [WIDTH, HEIGHT, GAP, WIDEST] = [1000, 200, 0.2, 100];
/** Lines over bars leave the bars their colours. */
const classOf = (index: number, bars: number) =>
  index < bars ? `bar-${index}` : `line-${bars > 0 ? index - bars + 1 : index}`;

/** Whether there is something to tell: no bar is as high as nothing, a line may well lie at 0. */
type Told = (value: number | undefined) => boolean;

/** Bars and lines, each told apart by colour and by pattern, with the same as a table below. */
export function Chart({ title, of, labels, bars = [], lines = [], top, format = String, children }: ChartProps) {
  const highest = top ?? roundTop(labels, bars, lines);
  const lowest = bars.length > 0 ? 0 : roundBottom(lines);
  const y = (value: number) => HEIGHT * (1 - (Math.min(value, highest) - lowest) / (highest - lowest));
  const step = WIDTH / Math.max(1, labels.length);
  const width = Math.min(WIDEST, step * (1 - GAP));
  const all = [...bars, ...lines];
  const isTold: Told = (value) => value !== undefined && (value !== 0 || bars.length === 0);
  const isEmpty = !all.some(({ values }) => values.some(isTold));
  return (
    <figure class="chart card">
      <figcaption>
        <h3>{title}</h3>
        <ul class="legend">
          {all.map(({ label }, index) => (
            <li key={label}>
              <svg viewBox="0 0 24 12" aria-hidden="true" class={classOf(index, bars.length)}>
                {index < bars.length ? <rect width="24" height="12" /> : <path d="M0 6H24" />}
              </svg>
              {label}
            </li>
          ))}
        </ul>
      </figcaption>
      {isEmpty ? (
        <p class="empty">Nothing in this period.</p>
      ) : (
        <>
          <div class="plot">
            <div class="scale" aria-hidden="true">
              {[1, 0.5, 0].map((share) => (
                <span key={share}>{format(lowest + (highest - lowest) * share)}</span>
              ))}
            </div>
            <svg
              viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
              preserveAspectRatio="none"
              role="img"
              aria-label={`${title}: ${summary(all, format)}`}
            >
              {[0, 0.5, 1].map((share) => (
                <path key={share} class="grid" d={`M0 ${share * HEIGHT}H${WIDTH}`} />
              ))}
              {stacked(bars, labels.length).map(({ place, index, from, to }) => (
                <rect
                  key={`${place} ${index}`}
                  class={`bar-${index}`}
                  x={(place + 0.5) * step - width / 2}
                  width={width}
                  y={y(to)}
                  height={Math.max(0, y(from) - y(to))}
                />
              ))}
              {lines.map(({ label, values }, index) => (
                <g key={label} class={classOf(bars.length + index, bars.length)}>
                  <path d={pathOf(values, (place) => (place + 0.5) * step, y)} />
                  <path class="dots" d={dotsOf(values, (place) => (place + 0.5) * step, y)} />
                </g>
              ))}
              {labels.map((label, place) => (
                <rect key={label} class="touch" x={place * step} width={step} height={HEIGHT}>
                  <title>{[label, ...told(all, place, format)].join("\n")}</title>
                </rect>
              ))}
            </svg>
            <div class="axis" aria-hidden="true">
              <span>{labels[0]}</span>
              {labels.length > 2 && <span>{labels[Math.floor(labels.length / 2)]}</span>}
              {labels.length > 1 && <span>{labels.at(-1)}</span>}
            </div>
          </div>
          <Table of={of} labels={labels} series={all} isTold={isTold} format={format} />
        </>
      )}
      {children}
    </figure>
  );
}

interface TableProps {
  of: string;
  labels: readonly string[];
  series: readonly Series[];
  isTold: Told;
  format: (value: number) => string;
}

function Table({ of, labels, series, isTold, format }: TableProps) {
  const rows = labels.map((label, place) => ({ label, place })).reverse();
  const isFilled = (place: number) => series.some(({ values }) => isTold(values[place]));
  return (
    <details class="more">
      <summary>As a table</summary>
      <div class="wide">
        <table>
          <thead>
            <tr>
              <th>{of}</th>
              {series.map(({ label }) => (
                <th key={label} class="number">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows
              .filter(({ place }) => isFilled(place))
              .map(({ label, place }) => (
                <tr key={label}>
                  <td>{label}</td>
                  {series.map(({ label: name, values }) => (
                    <td key={name} class="number">
                      {values[place] === undefined ? "–" : format(values[place] as number)}
                    </td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function told(series: readonly Series[], place: number, format: (value: number) => string): string[] {
  return series.flatMap(({ label, values }) => {
    const value = values[place];
    return value === undefined ? [] : [`${label}: ${format(value)}`];
  });
}

/** The last value of each series, for those who hear the chart. */
function summary(series: readonly Series[], format: (value: number) => string): string {
  const last = series.flatMap(({ label, values }) => {
    const value = values.filter((one) => one !== undefined).at(-1);
    return value === undefined ? [] : [`${label} last ${format(value)}`];
  });
  return `${last.join(", ")}. The table below has every value.`;
}

function roundTop(labels: readonly string[], bars: readonly Series[], lines: readonly Series[]): number {
  const sums = labels.map((_, place) => bars.reduce((sum, { values }) => sum + (values[place] ?? 0), 0));
  const highest = Math.max(1, ...sums, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const unit = 10 ** Math.floor(Math.log10(highest));
  return unit * ([1, 2, 4, 5, 6, 8, 10].find((times) => times * unit >= highest) ?? 10);
}

/** Below the lowest value, by tenths: what differs is seen, and the scale tells where it begins. */
function roundBottom(lines: readonly Series[]): number {
  const values = lines.flatMap((line) => line.values.filter((value) => value !== undefined));
  return Math.max(0, Math.floor(Math.min(...values) * 10 - 0.5) / 10);
}

function stacked(bars: readonly Series[], places: number) {
  return Array.from({ length: places }, (_, place) => {
    let from = 0;
    return bars.map(({ values }, index) => {
      const to = from + (values[place] ?? 0);
      const found = { place, index, from, to };
      from = to;
      return found;
    });
  }).flat();
}

type Place = (value: number) => number;

function pathOf(values: Series["values"], x: Place, y: Place): string {
  return values
    .map((value, place) => {
      if (value === undefined) return "";
      return `${values[place - 1] === undefined ? "M" : "L"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
    })
    .join("");
}

function dotsOf(values: Series["values"], x: Place, y: Place): string {
  return values
    .map((value, place) => (value === undefined ? "" : `M${x(place).toFixed(1)} ${y(value).toFixed(1)}h0`))
    .join("");
}
