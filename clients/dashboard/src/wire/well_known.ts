import { fileDesc } from "./tables";

const KNOWN = fileDesc(
  "google.protobuf\nAny typeUrl=s value=y\nDuration seconds=I nanos=i\nFieldMask paths=s*\nTimestamp seconds=I nanos=i",
);
/** What generated files name as theirs. */
export const file_google_protobuf_any = KNOWN;
export const file_google_protobuf_duration = KNOWN;
export const file_google_protobuf_field_mask = KNOWN;
export const file_google_protobuf_timestamp = KNOWN;
