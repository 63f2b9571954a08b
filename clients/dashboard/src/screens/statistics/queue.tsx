import { useCall } from "../../api/call";
import { may } from "../../api/session";
import { clientOf } from "../../api/transport";
import { KnowledgeService } from "../../gen/shodhana/api/review/v1/knowledge_pb";
import {
  type DomainStatistics,
  type ExpertStatistics,
  ReviewService,
  type ReviewStatistics,
} from "../../gen/shodhana/api/review/v1/review_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { Meter } from "../../parts/meter";
import { useNames } from "../../parts/people";
import { secondsOf, span } from "../../text/times";
import { Chart } from "./chart";
import { count, percent } from "./days";

const reviews = clientOf(ReviewService);
const knowledge = clientOf(KnowledgeService);

/** The queue and those who work on it. */
export function Queue({ days }: { days: number }) {
  const { value, failure, reload } = useCall((signal) => reviews.getStatistics({ days }, { signal }), [days]);
  return (
    <>
      <FailurePanel failure={failure} retry={reload} />
      {value && (
        <>
          <Now statistics={value} />
          <Decisions statistics={value} />
          <Ages statistics={value} />
          <Agreement domains={value.domains} alpha={value.alpha} />
          <Experts experts={value.experts} />
        </>
      )}
      {may("reviews:read") && <Knowledge days={days} />}
    </>
  );
}

interface FactsProps {
  facts: readonly (readonly [string, string])[];
}

function Facts({ facts }: FactsProps) {
  return (
    <dl class="facts across">
      {facts.map(([label, fact]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{fact}</dd>
        </div>
      ))}
    </dl>
  );
}

function Now({ statistics }: { statistics: ReviewStatistics }) {
  const { counts, oldestPendingAge, overdueCount, decidedLastHourCount, sla } = statistics;
  return (
    <section class="card">
      <h3>The queue now</h3>
      <Facts
        facts={[
          ["waiting", String(count(counts?.pending))],
          ["held", String(count(counts?.inReview))],
          ["overdue", String(count(overdueCount))],
          ["oldest", oldestPendingAge ? span(secondsOf(oldestPendingAge)) : "–"],
          ["to be decided within", sla ? span(secondsOf(sla)) : "–"],
          ["decided in the last hour", String(count(decidedLastHourCount))],
        ]}
      />
    </section>
  );
}

function Decisions({ statistics: { days } }: { statistics: ReviewStatistics }) {
  return (
    <Chart
      title="Decisions by day"
      of="Day"
      labels={days.map(({ day }) => day)}
      bars={[
        { label: "decided in time", values: days.map((one) => count(one.inTimeCount)) },
        { label: "decided late", values: days.map((one) => count(one.decidedCount - one.inTimeCount)) },
      ]}
      lines={[{ label: "queued", values: days.map((one) => count(one.createdCount)) }]}
    />
  );
}

function Ages({ statistics: { ages, sla } }: { statistics: ReviewStatistics }) {
  const label = (share: number, next: number | undefined) =>
    next === undefined ? "overdue" : `${share * 100}–${next * 100} %`;
  return (
    <Chart
      title={`Age of what waits, as a share of ${sla ? span(secondsOf(sla)) : "the time it has"}`}
      of="Share"
      labels={ages.map(({ minShare }, index) => label(minShare, ages[index + 1]?.minShare))}
      bars={[{ label: "cases", values: ages.map(({ caseCount }) => count(caseCount)) }]}
    />
  );
}

// Krippendorff (2004): from .800 on data can be relied on, from .667 on for tentative conclusions.
const [RELIABLE, TENTATIVE] = [0.8, 0.667];

function reading(alpha: number | undefined): string {
  if (alpha === undefined) return "too few read twice";
  if (alpha >= RELIABLE) return "reliable";
  return alpha >= TENTATIVE ? "tentative" : "not reliable";
}

interface AgreementProps {
  domains: readonly DomainStatistics[];
  alpha: number | undefined;
}

function Agreement({ domains, alpha }: AgreementProps) {
  return (
    <section class="card">
      <h3>Agreement of experts (Krippendorff’s α)</h3>
      <table class="cards-when-narrow">
        <thead>
          <tr>
            <th>Domain</th>
            <th>α</th>
            <th class="number">Read twice</th>
            <th class="number">Disputed</th>
            <th class="number">Waiting</th>
            <th class="number">Overdue</th>
            <th>Median wait</th>
          </tr>
        </thead>
        <tbody>
          {domains.map((one) => (
            <tr key={one.domain}>
              <td>{one.domain}</td>
              <td data-label="α">
                <Alpha alpha={one.alpha} />
              </td>
              <td class="number" data-label="Read twice">
                {count(one.pairedCount)}
              </td>
              <td class="number" data-label="Disputed">
                {count(one.disputedCount)}
              </td>
              <td class="number" data-label="Waiting">
                {count(one.pendingCount)}
              </td>
              <td class="number" data-label="Overdue">
                {count(one.overdueCount)}
              </td>
              <td data-label="Median wait">{one.medianWait ? span(secondsOf(one.medianWait)) : "–"}</td>
            </tr>
          ))}
          <tr>
            <td>
              <strong>all</strong>
            </td>
            <td data-label="α">
              <Alpha alpha={alpha} />
            </td>
            <td colSpan={5} />
          </tr>
        </tbody>
      </table>
      <small class="muted">1 is agreement, 0 is chance; reliable from .800 on, tentative from .667 on.</small>
    </section>
  );
}

function Alpha({ alpha }: { alpha: number | undefined }) {
  return (
    <span class="alpha">
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <rect width="100" height="10" />
        <rect width={Math.max(0, alpha ?? 0) * 100} height="10" />
        <path d={`M${TENTATIVE * 100} 0V10M${RELIABLE * 100} 0V10`} />
      </svg>
      {alpha?.toFixed(3) ?? "–"} <small class="muted">{reading(alpha)}</small>
    </span>
  );
}

function Experts({ experts }: { experts: readonly ExpertStatistics[] }) {
  const nameOf = useNames(experts.map(({ expert }) => expert));
  if (experts.length === 0) return null;
  const most = Math.max(...experts.map((one) => count(one.decisionCount)), 1);
  return (
    <section class="card">
      <h3>Decisions by person</h3>
      <table class="cards-when-narrow people">
        <thead>
          <tr>
            <th>Person</th>
            <th>Decisions</th>
            <th>Accepted, corrected, as heard</th>
            <th class="number">Median</th>
            <th class="number">Agreed</th>
            <th>In time</th>
          </tr>
        </thead>
        <tbody>
          {experts.map((one) => (
            <tr key={one.expert}>
              <td>{nameOf(one.expert)}</td>
              <td data-label="Decisions">
                <span class="amount">
                  <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="bar-0" width={(count(one.decisionCount) / most) * 100} height="10" />
                  </svg>
                  {count(one.decisionCount)}
                </span>
              </td>
              <td data-label="Accepted, corrected, as heard">
                {count(one.acceptCount)}, {count(one.correctCount)}, {count(one.rejectCount)}
              </td>
              <td class="number" data-label="Median">
                {one.medianDuration ? `${secondsOf(one.medianDuration).toFixed(0)} s` : "–"}
              </td>
              <td class="number" data-label="Agreed">
                {count(one.agreedCount)} of {count(one.pairedCount)}
              </td>
              <td data-label="In time">
                <Meter share={one.inTimeShare} label="In time" />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** How well decisions turn into knowledge. */
function Knowledge({ days }: { days: number }) {
  const { value, failure, reload } = useCall(
    (signal) => knowledge.getKnowledgeStatistics({ days }, { signal }),
    [days],
  );
  const time = (found: Parameters<typeof secondsOf>[0]) => (found ? span(secondsOf(found)) : "–");
  return (
    <>
      <FailurePanel failure={failure} retry={reload} />
      {value && (
        <section class="card">
          <h3>What was learned</h3>
          <Facts
            facts={[
              ["asked again though decided before", percent(value.repeatErrorRate)],
              ["resolved by a newer lexicon", percent(value.autoResolvedShare)],
              ["overturned in samples", percent(value.overturnRate)],
              ["decision to lexicon, median", time(value.decisionToActiveP50)],
              ["95th percentile", time(value.decisionToActiveP95)],
              ["error of calibration", value.calibrationError?.toFixed(3) ?? "–"],
            ]}
          />
        </section>
      )}
    </>
  );
}
