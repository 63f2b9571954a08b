import { useEffect } from "preact/hooks";
import { Dialog } from "../parts/dialog";
import { IastKeys } from "../parts/iast_field";
import { createStore, useStore } from "../store";

export interface Key {
  /** As KeyboardEvent.key has it: "a", "?", "Enter". */
  key: string;
  does: string;
  act: () => void;
}

const known = createStore<readonly Key[]>([]);
const isHelpOpen = createStore(false);

/** Single keys of a screen, off inside text fields and dialogs; `?` lists them. */
export function useKeys(keys: readonly Key[]): void {
  useEffect(() => {
    known.set(keys);
    return () => known.set([]);
  });
}

function pressed(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
  if (event.key === "?") {
    isHelpOpen.set(true);
    event.preventDefault();
    return;
  }
  const found = known.value.find((key) => key.key === event.key);
  if (!found || event.repeat) return;
  event.preventDefault();
  found.act();
}
addEventListener("keydown", pressed);

function isTyping(target: EventTarget | null): boolean {
  if (document.querySelector("dialog[open]")) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !/^(radio|checkbox)$/.test(target.type);
  return target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName);
}

export const openHelp = (): void => isHelpOpen.set(true);

const EVERYWHERE = [
  { key: "?", does: "this list" },
  { key: "Esc", does: "leaves a field or a dialog" },
];

export function KeyHelp() {
  const keys = useStore(known);
  if (!useStore(isHelpOpen)) return null;
  return (
    <Dialog title="Keys" onClose={() => isHelpOpen.set(false)}>
      <dl class="keys">
        {[...keys, ...EVERYWHERE].map(({ key, does }) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="muted">Keys rest while you type in a field. In fields for Sanskrit:</p>
      <IastKeys />
    </Dialog>
  );
}
