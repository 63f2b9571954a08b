import type { ScreenProps } from "..";
import { JobView } from "./job";
import { Jobs } from "./jobs";
import { Report } from "./report";

/** /files, /files/12 and /files/12/3: the jobs, a job, and the report of one of its files. */
export default function FilesScreen({ rest, query }: ScreenProps) {
  const [job, file] = rest.split("/");
  if (!job) return <Jobs query={query} />;
  if (!file) return <JobView key={job} name={`jobs/${job}`} query={query} />;
  return <Report key={rest} name={`jobs/${job}/files/${file}`} />;
}
