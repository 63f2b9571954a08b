import { useEffect, useRef, useState } from "preact/hooks";
import type { Correction, CuePair } from "../../gen/shodhana/api/transcripts/v1/transcripts_pb";
import { Meter } from "../../parts/meter";
import { useKeys } from "../../shell/keys";
import { clock } from "../../text/times";
import { byCue, isApplied, type Stretch, stretchesOf } from "./marks";
import { CaseLink } from "./places";

const AT_ONCE = 300;

interface SideBySideProps {
  cues: readonly CuePair[];
  corrections: readonly Correction[];
  /** The cue to bring into sight; 0: none. */
  shownCue: number;
}

/** Both texts, cue by cue; a marked place opens what is known of it. */
export function SideBySide({ cues, corrections, shownCue }: SideBySideProps) {
  const [changedOnly, setChangedOnly] = useState(false);
  const [count, setCount] = useState(AT_ONCE);
  const [open, setOpen] = useState<number | null>(null);
  const list = useRef<HTMLTableSectionElement>(null);
  const numbers = byCue(corrections);
  const wanted = changedOnly ? cues.filter(({ index }) => numbers.has(index)) : cues;

  useEffect(() => {
    if (!shownCue) return;
    const place = wanted.findIndex(({ index }) => index >= shownCue);
    if (place >= count) setCount(place + AT_ONCE);
    requestAnimationFrame(() => {
      const row = list.current?.querySelector<HTMLElement>(`[data-cue="${shownCue}"]`);
      row?.scrollIntoView({ block: "center" });
      row?.focus();
    });
  }, [shownCue]);
  const step = (by: number) => {
    const marks = [...(list.current?.querySelectorAll<HTMLElement>("button.change") ?? [])];
    const at = marks.indexOf(document.activeElement as HTMLElement);
    marks[at < 0 ? (by > 0 ? 0 : marks.length - 1) : (at + by + marks.length) % marks.length]?.focus();
  };
  useKeys([
    { key: "n", does: "to the next change; Enter opens it", act: () => step(1) },
    { key: "p", does: "to the change before", act: () => step(-1) },
  ]);
  return (
    <section>
      <div class="row apart">
        <h2>As heard and corrected</h2>
        <label>
          <input
            type="checkbox"
            checked={changedOnly}
            onChange={(event) => setChangedOnly(event.currentTarget.checked)}
          />{" "}
          only where something changes
        </label>
      </div>
      <p class="muted">
        <del>struck</del> was heard, <ins>underlined</ins> stands there now; <mark>marked</mark> is doubtful and
        unchanged. Open a place for its reasons; <kbd>n</kbd> and <kbd>p</kbd> go from one to the next.
      </p>
      <table class="sides">
        <thead>
          <tr>
            <th>Time</th>
            <th>As heard</th>
            <th>Corrected</th>
          </tr>
        </thead>
        <tbody ref={list}>
          {wanted.slice(0, count).map((cue) => (
            <Cue
              key={cue.index}
              cue={cue}
              corrections={corrections}
              numbers={numbers.get(cue.index) ?? []}
              open={open}
              setOpen={setOpen}
            />
          ))}
        </tbody>
      </table>
      {wanted.length > count && (
        <button type="button" onClick={() => setCount(count + AT_ONCE)}>
          {wanted.length - count} more cues
        </button>
      )}
    </section>
  );
}

interface CueProps {
  cue: CuePair;
  corrections: readonly Correction[];
  numbers: readonly number[];
  open: number | null;
  setOpen: (at: number | null) => void;
}

function Cue({ cue, corrections, numbers, open, setOpen }: CueProps) {
  const stretches = stretchesOf(cue, corrections, numbers);
  const opened = open !== null && numbers.includes(open) ? corrections[open] : undefined;
  return (
    <>
      <tr data-cue={cue.index} tabIndex={-1}>
        <td class="time">{cue.startMs === undefined ? cue.index : clock(cue.startMs)}</td>
        <td class="text">{stretches.map((stretch) => heard(stretch, corrections))}</td>
        <td class="text">
          {numbers.length === 0
            ? cue.corrected
            : stretches.map((stretch) => (
                <After key={stretch.at ?? stretch.text} {...{ stretch, corrections, open, setOpen }} />
              ))}
        </td>
      </tr>
      {opened && (
        <tr class="detail">
          <td />
          <td colSpan={2}>
            <Detail correction={opened} />
          </td>
        </tr>
      )}
    </>
  );
}

function heard(stretch: Stretch, corrections: readonly Correction[]) {
  const correction = stretch.at === undefined ? undefined : corrections[stretch.at];
  return correction && isApplied(correction) ? <del>{stretch.text}</del> : stretch.text;
}

interface AfterProps {
  stretch: Stretch;
  corrections: readonly Correction[];
  open: number | null;
  setOpen: (at: number | null) => void;
}

function After({ stretch, corrections, open, setOpen }: AfterProps) {
  const { at, text } = stretch;
  const correction = at === undefined ? undefined : corrections[at];
  if (at === undefined || !correction) return <>{text}</>;
  return (
    <button type="button" class="change" aria-expanded={open === at} onClick={() => setOpen(open === at ? null : at)}>
      {isApplied(correction) ? (
        <ins>{correction.corrected}</ins>
      ) : (
        <>
          <mark>{text}</mark> <small>{correction.corrected}?</small>
        </>
      )}
    </button>
  );
}

/** How sure it is and why, what else could be meant, and where it is decided. */
function Detail({ correction }: { correction: Correction }) {
  return (
    <div class="card">
      <div class="row apart">
        <strong class="text">
          {correction.heard} → {correction.corrected}
        </strong>
        <span class="row">
          <span class="badge">{isApplied(correction) ? "corrected" : "suggested"}</span>
          {correction.reviewCase && <CaseLink name={correction.reviewCase} />}
        </span>
      </div>
      <ul class="candidates">
        {correction.candidates.map((candidate) => (
          <li key={candidate.term + candidate.domain}>
            <span>
              <span lang="sa-Latn">{candidate.term}</span> <span lang="sa-Deva">{candidate.devanagari}</span>{" "}
              <span class="muted">
                {candidate.gloss} ({candidate.domain})
              </span>
              <small class="muted by">{candidate.reasons.join(" · ")}</small>
            </span>
            <Meter share={candidate.probability} label="Probability" />
          </li>
        ))}
      </ul>
    </div>
  );
}
