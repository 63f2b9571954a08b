import { useEffect } from "preact/hooks";
import { isAbandoned } from "./failure";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Follows a stream while the screen is there; where it breaks off it is asked for again, ever more slowly. */
export function useWatch<T>(
  watch: (signal: AbortSignal) => AsyncIterable<T>,
  onFrame: (frame: T) => void,
  inputs: readonly unknown[],
): void {
  useEffect(() => {
    const abort = new AbortController();
    void follow(watch, onFrame, abort.signal);
    return () => abort.abort();
  }, inputs);
}

async function follow<T>(
  watch: (signal: AbortSignal) => AsyncIterable<T>,
  onFrame: (frame: T) => void,
  signal: AbortSignal,
): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      for await (const frame of watch(signal)) {
        pause = FIRST_PAUSE_MS;
        if (!signal.aborted) onFrame(frame);
      }
    } catch (error) {
      if (signal.aborted || isAbandoned(error)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
  }
}
