import { useRef, useState } from "preact/hooks";
import { type Failure, failureOf } from "../../api/failure";
import { clientOf } from "../../api/transport";
import {
  AnglicisedTerms,
  DevanagariWords,
  TranscriptService,
} from "../../gen/shodhana/api/transcripts/v1/transcripts_pb";
import { FailurePanel } from "../../parts/failure_panel";
import { announce } from "../../shell/live";
import { go } from "../../shell/router";
import { ACCEPTED, MOST_BYTES, MOST_BYTES_TOGETHER, MOST_FILES, problemOf, problemTogether, size } from "./limits";

const transcripts = clientOf(TranscriptService);

/** What was dropped or chosen, and the id under which it is sent, also a second time. */
interface Chosen {
  sent: File[];
  refused: { name: string; problem: string }[];
  requestId: string;
}

/** Files dropped here, or chosen, become a job; what cannot be sent is told before anything is. */
export function Drop() {
  const [isOver, setOver] = useState(false);
  const [isSending, setSending] = useState(false);
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [name, setName] = useState("");
  const [threshold, setThreshold] = useState("");
  const [restores, setRestores] = useState(false);
  const [transliterates, setTransliterates] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  const send = async ({ sent, requestId }: Chosen) => {
    setSending(true);
    setFailure(null);
    try {
      const files = await Promise.all(
        sent.map(async (file) => ({ filename: file.name, content: new Uint8Array(await file.arrayBuffer()) })),
      );
      const job = await transcripts.createJob({
        files,
        requestId,
        displayName: name.trim(),
        options: {
          ...(threshold && { applyThreshold: Number(threshold) }),
          anglicisedTerms: restores ? AnglicisedTerms.RESTORE : AnglicisedTerms.UNSPECIFIED,
          devanagari: transliterates ? DevanagariWords.IAST : DevanagariWords.UNSPECIFIED,
        },
      });
      announce(`${files.length} ${files.length === 1 ? "file" : "files"} sent.`);
      go(`/files/${job.name.split("/")[1]}`);
    } catch (error) {
      setFailure(failureOf(error));
    }
    setSending(false);
  };

  const take = (files: readonly File[]) => {
    if (files.length === 0 || isSending) return;
    const refused = files.map((file) => ({ name: file.name, problem: problemOf(file) })).filter((one) => one.problem);
    const sent = files.filter((file) => !problemOf(file));
    const found = { sent, refused, requestId: crypto.randomUUID() };
    setChosen(found);
    setFailure(null);
    if (refused.length === 0 && !problemTogether(sent)) void send(found);
  };

  return (
    <section aria-label="New job" class="stack">
      <fieldset
        class={`drop${isOver ? " over" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          take([...(event.dataTransfer?.files ?? [])]);
        }}
      >
        <legend class="unseen">Transcripts to correct</legend>
        <p class="lead">{isSending ? "Sending…" : "Drop transcripts here"}</p>
        <button type="button" class="primary" disabled={isSending} onClick={() => input.current?.click()}>
          Choose files
        </button>
        <input
          ref={input}
          type="file"
          hidden
          multiple
          accept={ACCEPTED}
          aria-label="Transcripts"
          onChange={(event) => {
            take([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
        <p class="muted">
          SRT, VTT, Whisper JSON or plain text, gzipped too. At most {size(MOST_BYTES)} each; {MOST_FILES} files and{" "}
          {size(MOST_BYTES_TOGETHER)} at once.
        </p>
      </fieldset>
      <details class="more">
        <summary>How to correct</summary>
        <div class="stack options-of-job">
          <label class="field">
            What the job is for
            <input value={name} maxLength={200} onInput={(event) => setName(event.currentTarget.value)} />
          </label>
          <label class="field">
            Correct from this probability on
            <input
              type="number"
              min="0"
              max="1"
              step="any"
              placeholder="as the deployment has it"
              value={threshold}
              onInput={(event) => setThreshold(event.currentTarget.value)}
            />
          </label>
          <label>
            <input type="checkbox" checked={restores} onChange={(event) => setRestores(event.currentTarget.checked)} />{" "}
            Restore terms that are English words too (guru, yoga)
          </label>
          <label>
            <input
              type="checkbox"
              checked={transliterates}
              onChange={(event) => setTransliterates(event.currentTarget.checked)}
            />{" "}
            Write words in Devanagari as IAST
          </label>
        </div>
      </details>
      {chosen && <NotSent chosen={chosen} isSending={isSending} send={() => void send(chosen)} />}
      <FailurePanel failure={failure} {...(chosen && { retry: () => void send(chosen) })} />
    </section>
  );
}

function NotSent({ chosen, isSending, send }: { chosen: Chosen; isSending: boolean; send: () => void }) {
  const { sent, refused } = chosen;
  const together = problemTogether(sent);
  if (refused.length === 0 && !together) return null;
  return (
    <div class="notice" role="alert">
      {together && <p>{together}</p>}
      {refused.length > 0 && (
        <ul>
          {refused.map(({ name, problem }) => (
            <li key={name}>
              <strong>{name}</strong> {problem}.
            </li>
          ))}
        </ul>
      )}
      {!together && sent.length > 0 && (
        <button type="button" disabled={isSending} onClick={send}>
          {sent.length === 1 ? `Correct ${sent[0]?.name} alone` : `Correct the other ${sent.length}`}
        </button>
      )}
    </div>
  );
}
