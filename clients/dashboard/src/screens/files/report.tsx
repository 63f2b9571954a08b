import { useState } from "preact/hooks";
import { useCall } from "../../api/call";
import { clientOf } from "../../api/transport";
import {
  type CorrectTranscriptResponse,
  TranscriptService,
} from "../../gen/shodhana/api/transcripts/v1/transcripts_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { Link } from "../../shell/router";
import { clock, secondsOf, span } from "../../text/times";
import { download } from "./download";
import { DownloadDecided } from "./downloads";
import { isApplied } from "./marks";
import { Doubts, Variants, Verses, Violations } from "./places";
import { ScoresPart } from "./scores";
import { SideBySide } from "./side_by_side";

const transcripts = clientOf(TranscriptService);

/** What was done to a file: its scores, both texts beside each other, and every place that is not surely right. */
export function Report({ name }: { name: string }) {
  const { value, failure, reload } = useCall(
    (signal) => transcripts.getResult({ name, includeCues: true }, { signal }),
    [name],
  );
  const job = name.split("/")[1];
  return (
    <div class="stack report">
      <Link to={`/files/${job}`}>← The job</Link>
      <FailurePanel failure={failure} retry={reload} />
      {value?.report && <Found name={name} result={value} report={value.report} />}
    </div>
  );
}

interface FoundProps {
  name: string;
  result: CorrectTranscriptResponse;
  report: NonNullable<CorrectTranscriptResponse["report"]>;
}

function Found({ name, result, report }: FoundProps) {
  const [shownCue, setShownCue] = useState(0);
  const applied = report.corrections.filter(isApplied).length;
  const times = new Map(
    result.cues.map((cue) => [cue.index, cue.startMs === undefined ? String(cue.index) : clock(cue.startMs)]),
  );
  const texts = new Map(result.cues.map((cue) => [cue.index, cue.corrected]));
  const places = { times, texts, show: setShownCue };
  return (
    <>
      <section class="card">
        <div class="row apart">
          <h2>{report.filename}</h2>
          <div class="row">
            <button type="button" class="primary" onClick={() => download(result.filename, result.content)}>
              Download, corrected
            </button>
            <DownloadDecided name={name} />
          </div>
        </div>
        <p>
          {applied} corrected, {report.corrections.length - applied} suggested
          {report.verses.length > 0 && `, ${report.verses.length} recited`}.{" "}
          {report.requiresReview ? "An expert has to look at it." : "No expert has to look at it."}
        </p>
        <p class="muted">
          {report.cueCount} cues, {report.tokenCount} words
          {report.processingDuration && `, ${span(secondsOf(report.processingDuration))}`}; {report.lexiconVersion}
        </p>
        {report.degradations.map((text) => (
          <p key={text} class="notice">
            <strong>Incomplete:</strong> {text}.
          </p>
        ))}
        <ScoresPart report={report} />
      </section>
      <SideBySide cues={result.cues} corrections={report.corrections} shownCue={shownCue} />
      <Verses verses={report.verses} places={places} />
      <Violations report={report} places={places} />
      <Doubts report={report} places={places} />
      <Variants report={report} />
    </>
  );
}
