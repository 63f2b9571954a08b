import { useEffect, useRef, useState } from "preact/hooks";
import { type Failure, failureOf, isAbandoned } from "./failure";

export interface Page<T> {
  items: readonly T[];
  /** Empty on the last page. */
  nextPageToken: string;
}

export interface Pages<T> {
  items: readonly T[];
  failure: Failure | null;
  isLoading: boolean;
  /** Appends the next page; null where there is none. */
  more: (() => void) | null;
  /** From the first page; what is shown stays until that is there. */
  reload: () => void;
}

/** A list that comes in pages, from its beginning when one of `inputs` changes. */
export function usePages<T>(
  load: (pageToken: string, signal: AbortSignal) => Promise<Page<T>>,
  inputs: readonly unknown[],
): Pages<T> {
  const [found, setFound] = useState<Page<T>>({ items: [], nextPageToken: "" });
  const [status, setStatus] = useState<{ failure: Failure | null; isLoading: boolean }>({
    failure: null,
    isLoading: true,
  });
  const [round, setRound] = useState(0);
  const last = useRef<AbortController | null>(null);
  const ask = (pageToken: string) => {
    last.current?.abort();
    const abort = new AbortController();
    last.current = abort;
    const { signal } = abort;
    setStatus({ failure: null, isLoading: true });
    load(pageToken, signal).then(
      (page) => {
        if (signal.aborted) return;
        setFound((old) => ({ ...page, items: pageToken ? [...old.items, ...page.items] : page.items }));
        setStatus({ failure: null, isLoading: false });
      },
      (error) => {
        if (signal.aborted || isAbandoned(error)) return;
        setStatus({ failure: failureOf(error), isLoading: false });
      },
    );
  };
  useEffect(() => {
    ask("");
    return () => last.current?.abort();
  }, [...inputs, round]);
  const { nextPageToken } = found;
  return {
    items: found.items,
    ...status,
    more: nextPageToken && !status.isLoading ? () => ask(nextPageToken) : null,
    reload: () => setRound((old) => old + 1),
  };
}
