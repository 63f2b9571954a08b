import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

const UNITS = [
  [86_400, "day"],
  [3_600, "hour"],
  [60, "minute"],
] as const;

/** A time in its largest unit: "3 hours". */
export function span(seconds: number): string {
  for (const [unit, word] of UNITS) {
    const count = Math.floor(seconds / unit);
    if (count >= 1) return `${count} ${word}${count === 1 ? "" : "s"}`;
  }
  return seconds >= 1 ? `${Math.round(seconds)} s` : "less than a second";
}

export const secondsOf = (duration: Duration | undefined): number =>
  duration ? Number(duration.seconds) + duration.nanos / 1e9 : 0;

export const millisecondsOf = (time: Timestamp): number => Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6);

/** "due in 2 days", or how long it is overdue. */
export function due(time: Timestamp, now = Date.now()): { text: string; isLate: boolean } {
  const left = (millisecondsOf(time) - now) / 1000;
  return left >= 0
    ? { text: `due in ${span(left)}`, isLate: false }
    : { text: `overdue by ${span(-left)}`, isLate: true };
}

/** "3 minutes ago". */
export function ago(time: Timestamp, now = Date.now()): string {
  const passed = (now - millisecondsOf(time)) / 1000;
  return passed < 5 ? "just now" : `${span(passed)} ago`;
}

/** A place in a recording: "0:09:01". */
export function clock(milliseconds: bigint | number): string {
  const all = Math.floor(Number(milliseconds) / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${Math.floor(all / 3600)}:${two(Math.floor(all / 60) % 60)}:${two(all % 60)}`;
}

/** For a table: the person's own way of writing dates. */
export function day(time: Timestamp): string {
  return new Date(millisecondsOf(time)).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
