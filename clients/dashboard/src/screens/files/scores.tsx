import type { Scores } from "../../gen/shodhana/api/quality/v1/quality_pb";
import type { CorrectionReport } from "../../gen/shodhana/api/transcripts/v1/transcripts_pb";

const NAMES = [
  ["iast_compliance", "iastCompliance", "share of Sanskrit words written as IAST has them"],
  ["sanskrit_accuracy", "sanskritAccuracy", "mean probability that the terms are right"],
  ["academic_score", "academicScore", ".4 IAST + .4 accuracy + .1 consistency + .1 format"],
  ["overall_score", "overallScore", "academic score × preservation"],
  ["spelling_consistency", "spellingConsistency", "share of terms spelled one way throughout"],
  ["format_integrity", "formatIntegrity", "share of cues whose times are whole and in order"],
  ["preservation", "preservation", "1 where nothing but Sanskrit was edited"],
] as const satisfies readonly (readonly [string, keyof Scores, string])[];
const IN_SIGHT = 4;
const words = (name: string) => name.replaceAll("_", " ").replace("iast", "IAST");

/** The scores, how each comes about, and the gates. */
export function ScoresPart({ report }: { report: CorrectionReport }) {
  const sums = new Map(report.explanations.map((one) => [one.score, one]));
  const shown = (key: keyof Scores) => {
    const value = report.scores?.[key];
    return typeof value === "number" ? value.toFixed(3) : "absent";
  };
  return (
    <>
      <dl class="facts across">
        {NAMES.slice(0, IN_SIGHT).map(([name, key]) => (
          <div key={name}>
            <dt>{words(name)}</dt>
            <dd>{shown(key)}</dd>
          </div>
        ))}
      </dl>
      <ul class="gates">
        {report.gates.map(({ gate, passed, description }) => (
          <li key={gate}>
            <span class={`badge${passed ? "" : " late"}`}>{passed ? "✓ passed" : "✗ not passed"}</span> {words(gate)}:{" "}
            {description}
          </li>
        ))}
      </ul>
      <details class="more">
        <summary>How the scores come about</summary>
        <table class="cards-when-narrow">
          <thead>
            <tr>
              <th>Score</th>
              <th class="number">Value</th>
              <th>How</th>
            </tr>
          </thead>
          <tbody>
            {NAMES.map(([name, key, meaning]) => {
              const sum = sums.get(name);
              return (
                <tr key={name}>
                  <td>{words(name)}</td>
                  <td class="number" data-label="Value">
                    {shown(key)}
                  </td>
                  <td data-label="How">
                    {sum?.calculation ?? meaning}
                    {sum && (
                      <small class="muted by">
                        {" "}
                        {sum.formula}
                        {sum.note && ` (${sum.note})`}
                      </small>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
        {report.thresholds && <p class="muted">Rules and weights: {report.thresholds.weightsVersion}.</p>}
      </details>
    </>
  );
}
