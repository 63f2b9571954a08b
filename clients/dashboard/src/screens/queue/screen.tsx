import type { ScreenProps } from "..";
import { CaseDetail } from "./detail";
import { CaseList } from "./list";

/** The cases of the queue, or one of them with its history. */
export default function QueueScreen({ rest, query }: ScreenProps) {
  return rest ? <CaseDetail id={rest} /> : <CaseList query={query} />;
}
