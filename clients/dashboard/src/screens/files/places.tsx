import type { ComponentChildren } from "preact";
import type { CorrectionReport, RecognisedVerse } from "../../gen/shodhana/api/transcripts/v1/transcripts_pb";
import { Link } from "../../shell/router";
import { excerpt } from "../../text/points";
import { hundredths } from "../../text/shares";

/** What lists of places know of the cues: when each is, its corrected text, and how to bring it into sight. */
export interface Places {
  times: ReadonlyMap<number, string>;
  texts: ReadonlyMap<number, string>;
  show: (cue: number) => void;
}

const WHY: Readonly<Record<string, string>> = {
  corrected: "restored with this probability",
  popular: "a known term in a popular spelling",
  unresolved: "probably garbled, and left",
  misspelled: "breaks a rule",
  unknown_form: "well formed, neither listed nor attested",
};

interface Place {
  cue: number;
  start: number;
  end: number;
  text: string;
}

function Time({ cue, places }: { cue: number; places: Places }) {
  return (
    <button type="button" class="time" onClick={() => places.show(cue)} title={`To cue ${cue}`}>
      {places.times.get(cue) ?? cue}
    </button>
  );
}

function InText({ place, places }: { place: Place; places: Places }) {
  const [before, found, after] = excerpt(places.texts.get(place.cue) ?? "", place.start, place.end, place.text);
  return (
    <span class="text">
      {before}
      <mark>{found}</mark>
      {after}
    </span>
  );
}

interface SectionProps {
  title: string;
  columns: readonly string[];
  children: ComponentChildren;
}

function Section({ title, columns, children }: SectionProps) {
  return (
    <section>
      <h2>{title}</h2>
      <table class="cards-when-narrow">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column}>{column}</th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

/** The places that break a rule of the transliteration, with what would be right. */
export function Violations({ report, places }: { report: CorrectionReport; places: Places }) {
  if (report.violations.length === 0) return null;
  return (
    <Section
      title={`${report.violations.length} violations: ${ruleCounts(report)}`}
      columns={["Time", "In the corrected text", "Expected", "Rule"]}
    >
      {report.violations.map((one, index) => (
        <tr key={index}>
          <td>
            <Time cue={one.cue} places={places} />
          </td>
          <td>
            <InText place={one} places={places} />
          </td>
          <td data-label="Expected" class="text">
            {one.expected.join(" or ") || "–"}
          </td>
          <td data-label="Rule">
            <code>{one.rule}</code> <small class="muted by">{one.description}</small>
          </td>
        </tr>
      ))}
    </Section>
  );
}

function ruleCounts(report: CorrectionReport): string {
  const counts = new Map<string, number>();
  for (const { rule } of report.violations) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([rule, count]) => `${count} ${rule.replaceAll("_", " ")}`).join(", ");
}

/** The words that lower sanskrit_accuracy, without those that a violation names or that were restored surely enough. */
export function Doubts({ report, places }: { report: CorrectionReport; places: Places }) {
  const sure = report.thresholds?.similarityThreshold ?? 1;
  const isNamed = (one: Place) =>
    report.violations.some(({ cue, start, end }) => cue === one.cue && start < one.end && one.start < end);
  const shown = report.doubtfulTokens.filter(
    (one) => !(one.reason === "corrected" && one.probability >= sure) && !isNamed(one),
  );
  if (shown.length === 0) return null;
  return (
    <Section
      title={`${shown.length} not surely right`}
      columns={["Time", "In the corrected text", "Probability", "Why"]}
    >
      {shown.map((one, index) => (
        <tr key={index}>
          <td>
            <Time cue={one.cue} places={places} />
          </td>
          <td>
            <InText place={one} places={places} />
          </td>
          <td data-label="Probability">{(hundredths(one.probability) / 100).toFixed(2)}</td>
          <td data-label="Why">{WHY[one.reason] ?? one.reason}</td>
        </tr>
      ))}
    </Section>
  );
}

/** Terms that the file spells in more than one way. */
export function Variants({ report }: { report: CorrectionReport }) {
  if (report.spellingVariants.length === 0) return null;
  return (
    <section>
      <h2>Spelled in more than one way</h2>
      <ul class="text">
        {report.spellingVariants.map(({ spellings }) => (
          <li key={spellings.join()}>{spellings.join(" · ")}</li>
        ))}
      </ul>
    </section>
  );
}

/** Recited verses: what was heard, and how the texts have it. */
export function Verses({ verses, places }: { verses: readonly RecognisedVerse[]; places: Places }) {
  if (verses.length === 0) return null;
  return (
    <section class="verses">
      <h2>Recited verses</h2>
      <p class="muted">Each is a suggestion: the file holds what was heard.</p>
      {verses.map((verse, index) => (
        <article key={index} class="card">
          <div class="row apart">
            <h3>{verse.reference || "Of no known text"}</h3>
            <span class="row">
              <Time cue={verse.firstCue} places={places} />
              <span class="badge">{(hundredths(verse.confidence) / 100).toFixed(2)}</span>
              {verse.reviewCase && <CaseLink name={verse.reviewCase} />}
            </span>
          </div>
          <p class="text">
            <span class="unseen">Heard: </span>“{verse.heard}”
          </p>
          {verse.lines.length > 0 && (
            <p lang="sa-Latn" class="lines">
              {verse.lines.join("\n")}
            </p>
          )}
          {verse.devanagari && (
            <p lang="sa-Deva" class="lines">
              {verse.devanagari}
            </p>
          )}
          <small class="muted">
            {[...new Set([verse.metre && `metre: ${verse.metre}`, ...verse.reasons])].filter(Boolean).join(" · ")}
            {verse.alternatives.length > 0 && ` · also ${verse.alternatives.join(", ")}`}
            {verse.source && ` · ${verse.source} (${verse.license})`}
          </small>
        </article>
      ))}
    </section>
  );
}

/** Where experts decide it. */
export function CaseLink({ name }: { name: string }) {
  return <Link to={`/queue/${name.split("/")[1]}`}>The case</Link>;
}
