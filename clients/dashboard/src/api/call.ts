import { useEffect, useState } from "preact/hooks";
import { type Failure, failureOf, isAbandoned } from "./failure";

export interface Loaded<T> {
  value: T | undefined;
  failure: Failure | null;
  isLoading: boolean;
  reload: () => void;
}

/** Calls when the screen appears and when one of `inputs` changes; the old value stays until the new one is there. */
export function useCall<T>(call: (signal: AbortSignal) => Promise<T>, inputs: readonly unknown[]): Loaded<T> {
  const [found, setFound] = useState<{ value?: T; failure: Failure | null; isLoading: boolean }>({
    failure: null,
    isLoading: true,
  });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setFound((old) => ({ ...old, isLoading: true }));
    call(abort.signal).then(
      (value) => abort.signal.aborted || setFound({ value, failure: null, isLoading: false }),
      (error) => {
        if (abort.signal.aborted || isAbandoned(error)) return;
        setFound((old) => ({ ...old, failure: failureOf(error), isLoading: false }));
      },
    );
    return () => abort.abort();
  }, [...inputs, round]);
  return { ...found, value: found.value, reload: () => setRound((old) => old + 1) };
}
