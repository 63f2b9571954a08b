import { useEffect, useRef, useState } from "preact/hooks";
import { may } from "../../api/session";
import { type DecisionType, Verdict } from "../../gen/shodhana/api/review/v1/review_pb";
import { Hint } from "../../parts/hint";
import { IastField } from "../../parts/iast_field";
import { type Key, useKeys } from "../../shell/keys";
import { announce } from "../../shell/live";
import { useStore } from "../../store";
import { KINDS, kindLabel } from "../../text/labels";
import { clock, due } from "../../text/times";
import { Context } from "./context";
import type { Desk } from "./desk";
import type { Answer, Held } from "./desk_state";
import { type Begun, forgetBegun, rememberBegun, rememberedBegun } from "./memory";
import { oneLine, optionsOf } from "./options";
import { Remarks } from "./remarks";
import { Options } from "./suggestions";

const MOST_KEYS = 9;

/** A case, what could stand there, and the keys that decide it. */
export function CaseCard({ held, desk }: { held: Held; desk: Desk }) {
  const { reviewCase } = held;
  const [begun, setBegun] = useState<Begun>(() => rememberedBegun(reviewCase.name));
  const field = useRef<HTMLInputElement>(null);
  const note = useRef<HTMLTextAreaElement>(null);
  useStore(desk.state);
  const options = optionsOf(reviewCase);
  const chosen = options[begun.choice];
  const heard = oneLine(reviewCase.heard);
  const proposed = begun.typed || (chosen?.isAsHeard ? heard : (chosen?.text ?? heard));
  const change = (changes: Partial<Begun>) => setBegun((old) => ({ ...old, ...changes }));
  useEffect(() => rememberBegun(reviewCase.name, begun), [begun]);

  const leave = (verdict: Verdict, text = "", term = "") => {
    forgetBegun(reviewCase.name);
    if (verdict === Verdict.SKIP || verdict === Verdict.ESCALATE)
      return void desk.giveAway(held, verdict, begun.comment);
    const answer: Answer = { verdict, text, term, kind: begun.kind as DecisionType, comment: begun.comment };
    return void desk.decide(held, answer);
  };
  const decideText = (text: string, term: string) => {
    const first = reviewCase.suggestions[0];
    if (text === heard) leave(Verdict.REJECT);
    else if (first && text === (first.text || first.term)) leave(Verdict.ACCEPT, text, term);
    else leave(Verdict.CORRECT, text, term);
  };
  const accept = () => {
    if (begun.typed) return decideText(begun.typed.trim(), "");
    if (chosen) decideText(proposed, chosen.isAsHeard ? "" : chosen.term);
  };
  const correct = () => {
    const input = field.current;
    if (!input) return;
    // At once, not with the next drawing: what is typed right after the key belongs into the field.
    if (!begun.typed) input.value = proposed;
    change({ typed: input.value });
    input.focus();
    input.select();
  };
  const undo = async () => {
    const isUndone = await desk.undo();
    announce(isUndone ? "Taken back" : "There is nothing to take back");
  };
  const canUndo = desk.undoable() !== undefined;
  const actions: (Key & { label: string; isOff?: boolean })[] = [
    { key: "a", label: "Accept", does: "accept what is chosen", act: accept, isOff: !chosen && !begun.typed },
    { key: "c", label: "Correct", does: "correct: write another text", act: correct },
    { key: "x", label: "As heard", does: "no correction: it stays as heard", act: () => leave(Verdict.REJECT) },
    { key: "s", label: "Skip", does: "skip: somebody else may", act: () => leave(Verdict.SKIP) },
    { key: "e", label: "Escalate", does: "escalate to a senior expert", act: () => leave(Verdict.ESCALATE) },
    { key: "u", label: "Undo", does: "undo the last decision", act: () => void undo(), isOff: !canUndo },
  ];
  const numbers: Key[] = options.slice(0, MOST_KEYS).map((option, index) => ({
    key: String(index + 1),
    does: `choose “${option.text}”`,
    act: () => change({ choice: index, typed: "" }),
  }));
  const write: Key = { key: "n", does: "write a note", act: () => openNote(note.current) };
  useKeys([...actions.filter(({ isOff }) => !isOff), ...numbers, write]);

  return (
    <article class="card case" aria-label={`Case: ${heard}`}>
      <Where held={held} />
      <Context reviewCase={reviewCase} proposed={proposed} />
      <Options
        options={options}
        heard={heard}
        chosen={begun.typed ? -1 : begun.choice}
        choose={(choice) => change({ choice, typed: "" })}
      />
      <IastField
        label="Another text"
        value={begun.typed}
        field={field}
        onChange={(typed) => change({ typed })}
        onEnter={() => begun.typed.trim() && decideText(begun.typed.trim(), "")}
      />
      <details class="more">
        <summary>
          Note and kind <kbd>n</kbd>
        </summary>
        <div class="stack">
          <label class="field">
            Note, kept with what you decide
            <textarea
              ref={note}
              rows={2}
              maxLength={2000}
              value={begun.comment}
              onInput={(event) => change({ comment: event.currentTarget.value })}
              onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
            />
          </label>
          <label class="field">
            Kind of the decision
            <select value={begun.kind} onChange={(event) => change({ kind: Number(event.currentTarget.value) })}>
              <option value={0}>told by the verdict</option>
              {KINDS.map((kind) => (
                <option key={kind} value={kind}>
                  {kindLabel(kind)}
                </option>
              ))}
            </select>
          </label>
          <Remarks name={reviewCase.name} />
        </div>
      </details>
      {may("decisions:create") && (
        <fieldset class="row actions">
          <legend class="unseen">Decide</legend>
          {actions.map(({ key, label, does, act, isOff }) => (
            <button
              key={key}
              type="button"
              class={key === "a" ? "primary" : ""}
              title={does}
              aria-keyshortcuts={key}
              disabled={isOff ?? false}
              onClick={act}
            >
              {label} <Hint of={key} />
            </button>
          ))}
        </fieldset>
      )}
    </article>
  );
}

function openNote(note: HTMLTextAreaElement | null): void {
  const details = note?.closest("details");
  if (details) details.open = true;
  note?.focus();
}

function Where({ held }: { held: Held }) {
  const { domain, filename, cue, startMs, dueTime } = held.reviewCase;
  const time = dueTime && due(dueTime);
  return (
    <header class="row apart where">
      <span>
        <span class="badge">{domain}</span> {filename || "no file"}
        {cue > 0 && ` · cue ${cue}`}
        {startMs !== undefined && ` · ${clock(startMs)}`}
      </span>
      {time && <span class={time.isLate ? "badge late" : "muted"}>{time.text}</span>}
    </header>
  );
}
