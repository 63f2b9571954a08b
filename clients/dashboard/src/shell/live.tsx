import { createStore, useStore } from "../store";

const said = createStore("");

/** Tells those who hear the page; the same words twice are told twice. */
export function announce(text: string): void {
  said.set(text === said.value ? `${text}\u00a0` : text);
}

export function LiveRegion() {
  return (
    <div class="unseen" role="status" aria-live="polite">
      {useStore(said)}
    </div>
  );
}
