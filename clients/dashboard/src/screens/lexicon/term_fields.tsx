import { IastField } from "../../parts/iast_field";
import { DOMAINS } from "../../text/labels";

/** A term, how it is heard, and what a new one means. */
export interface TermChange {
  heard: string;
  term: string;
  domain: string;
  gloss: string;
}

interface TermFieldsProps {
  change: TermChange;
  onChange: (change: TermChange) => void;
}

export function TermFields({ change, onChange }: TermFieldsProps) {
  const set = (changed: Partial<TermChange>) => onChange({ ...change, ...changed });
  return (
    <>
      <IastField label="Term, in IAST" value={change.term} onChange={(term) => set({ term })} maxLength={200} />
      <label class="field">
        Heard, or spelled
        <input
          required
          maxLength={200}
          value={change.heard}
          onInput={(event) => set({ heard: event.currentTarget.value })}
        />
      </label>
      <label class="field">
        Domain
        <select value={change.domain} onChange={(event) => set({ domain: event.currentTarget.value })}>
          {DOMAINS.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <label class="field">
        Meaning of a new term
        <input maxLength={500} value={change.gloss} onInput={(event) => set({ gloss: event.currentTarget.value })} />
      </label>
    </>
  );
}
