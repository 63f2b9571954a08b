import type { Ref } from "preact";
import { useId, useRef } from "preact/hooks";
import { devanagariOf } from "../text/devanagari";
import { afterKey, LETTERS } from "../text/velthuis";

interface IastFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  onEnter?: () => void;
  onEscape?: () => void;
  maxLength?: number;
  field?: Ref<HTMLInputElement>;
  hint?: string;
}

/**
 * A field in which aa becomes ā and .t becomes ṭ as they are typed, with the Devanagari of it beside. Backspace gives
 * back what was typed where a letter has just been made of it.
 */
export function IastField({ label, value, onChange, onEnter, onEscape, maxLength = 250, field, hint }: IastFieldProps) {
  const made = useRef<{ after: string; before: string } | null>(null);
  const id = useId();
  const write = (input: HTMLInputElement, before: string, rest: string) => {
    input.value = before + rest;
    input.setSelectionRange(before.length, before.length);
    onChange(input.value);
  };
  const typed = (event: InputEvent) => {
    const input = event.currentTarget as HTMLInputElement;
    const at = input.selectionStart ?? input.value.length;
    const [before, rest] = [input.value.slice(0, at), input.value.slice(at)];
    const after = event.inputType === "insertText" && !event.isComposing ? afterKey(before) : before;
    made.current = after === before ? null : { after, before };
    if (after === before) onChange(input.value);
    else write(input, after, rest);
  };
  const pressed = (event: KeyboardEvent) => {
    const input = event.currentTarget as HTMLInputElement;
    const at = input.selectionStart ?? 0;
    if (event.key === "Backspace" && made.current?.after === input.value.slice(0, at) && at === input.selectionEnd) {
      event.preventDefault();
      write(input, made.current.before, input.value.slice(at));
      made.current = null;
    }
    if (event.key === "Enter" && !event.isComposing && onEnter) {
      event.preventDefault();
      onEnter();
    }
    if (event.key === "Escape") {
      input.blur();
      onEscape?.();
    }
  };
  return (
    <div class="field iast">
      <label for={id}>{label}</label>
      <div class="pair">
        <input
          ref={field ?? null}
          id={id}
          class="text"
          value={value}
          maxLength={maxLength}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          aria-describedby={`${id}-help`}
          onInput={typed}
          onKeyDown={pressed}
        />
        <output for={id} lang="sa-Deva" aria-label="In Devanagari">
          {devanagariOf(value)}
        </output>
      </div>
      <small id={`${id}-help`}>
        {hint ?? 'aa → ā, .t → ṭ, "s → ś, ~n → ñ, .m → ṃ; Backspace gives the keys back.'}
      </small>
    </div>
  );
}

/** All keys of the field, for a help text. */
export function IastKeys() {
  return (
    <p class="text iast-keys">
      {Object.entries(LETTERS).map(([key, letter]) => (
        <span key={key}>
          <kbd>{key}</kbd> {letter}
        </span>
      ))}
    </p>
  );
}
