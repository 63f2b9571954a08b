import type { MessageInitShape } from "@bufbuild/protobuf";
import { useEffect, useState } from "preact/hooks";
import { CaseOrder, type ListCasesRequestSchema, type QueueCounts } from "../../gen/shodhana/api/review/v1/review_pb";
import { setQuery } from "../../shell/router";
import { DOMAINS, STATES, stateLabel } from "../../text/labels";

const TYPING_MS = 300;

/** What a query of the address asks the queue for. */
export function requestOf(query: URLSearchParams): MessageInitShape<typeof ListCasesRequestSchema> {
  const state = Number(query.get("state") ?? 0);
  const domain = query.get("domain") ?? "";
  return {
    states: state ? [state] : [],
    domains: domain ? [domain] : [],
    heard: query.get("heard") ?? "",
    filename: query.get("file") ?? "",
    holder: query.get("whose") === "held" ? "me" : "",
    expert: query.get("whose") === "decided" ? "me" : "",
    onlyOverdue: query.get("overdue") === "1",
    order: query.get("order") === "decided" ? CaseOrder.LAST_DECIDED : CaseOrder.QUEUE,
  };
}

/** The filters; they stand in the address, so that a link shows the same list. */
export function Filters({ query, counts }: { query: URLSearchParams; counts: QueueCounts | undefined }) {
  const value = (name: string) => query.get(name) ?? "";
  const choose = (name: string) => (event: { currentTarget: HTMLSelectElement }) =>
    setQuery({ [name]: event.currentTarget.value });
  return (
    <search class="filters">
      <Typed name="heard" label="Heard" value={value("heard")} />
      <Typed name="file" label="File" value={value("file")} />
      <label class="field">
        State
        <select value={value("state")} onChange={choose("state")}>
          <option value="">waiting or held</option>
          {STATES.map((state) => (
            <option key={state} value={state}>
              {stateLabel(state)}
              {counts && ` (${countOf(counts, state)})`}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        Field
        <select value={value("domain")} onChange={choose("domain")}>
          <option value="">all</option>
          {DOMAINS.map((domain) => (
            <option key={domain}>{domain}</option>
          ))}
        </select>
      </label>
      <label class="field">
        Whose
        <select value={value("whose")} onChange={choose("whose")}>
          <option value="">everybody's</option>
          <option value="held">held by me</option>
          <option value="decided">decided by me</option>
        </select>
      </label>
      <label class="field">
        Order
        <select value={value("order")} onChange={choose("order")}>
          <option value="">most urgent first</option>
          <option value="decided">last decided first</option>
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={value("overdue") === "1"}
          onChange={(event) => setQuery({ overdue: event.currentTarget.checked ? "1" : "" })}
        />{" "}
        overdue only
      </label>
    </search>
  );
}

function countOf(counts: QueueCounts, state: number): bigint {
  const { pending, inReview, approved, rejected, needsRevision, expertEscalation, withdrawn } = counts;
  return [pending, inReview, approved, rejected, needsRevision, expertEscalation, withdrawn][state - 1] ?? 0n;
}

/** A field that waits for a pause in the typing. */
function Typed({ name, label, value }: { name: string; label: string; value: string }) {
  const [text, setText] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => text !== value && setQuery({ [name]: text.trim() }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <label class="field">
      {label}
      <input type="search" value={text} maxLength={200} onInput={(event) => setText(event.currentTarget.value)} />
    </label>
  );
}
