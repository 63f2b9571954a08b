import { useLayoutEffect, useState } from "preact/hooks";

/** A value that components watch. */
export interface Store<T> {
  readonly value: T;
  set(value: T): void;
  subscribe(listener: () => void): () => void;
}

export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get value() {
      return value;
    },
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The store's value; the component is drawn again when it changes. */
export function useStore<T>(store: Store<T>): T {
  const [, redraw] = useState({});
  const drawn = store.value;
  useLayoutEffect(() => {
    const listener = () => redraw({});
    if (!Object.is(store.value, drawn)) listener(); // it changed before anybody listened
    return store.subscribe(listener);
  }, [store]);
  return drawn;
}
