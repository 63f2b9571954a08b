import { fileDesc, tableOf } from "./tables";

fileDesc(
  [
    "opentelemetry",
    "ExportRequest resourceSpans=m*:ResourceSpans",
    "ExportResponse",
    "ResourceSpans resource=m:Resource scopeSpans=m*:ScopeSpans",
    "Resource attributes=m*:KeyValue",
    "ScopeSpans spans=2m*:Span",
    "Span traceId=y spanId=y name=5s kind=e startTimeUnixNano=F endTimeUnixNano=F attributes=m*:KeyValue status=15m:Status",
    "Status code=3e",
    "KeyValue key=s value=m:AnyValue",
    "AnyValue stringValue=s",
  ].join("\n"),
);
/** What of opentelemetry/proto is written here, by its numbers. */
export const EXPORT_REQUEST = tableOf(".opentelemetry.ExportRequest");
export const EXPORT_RESPONSE = tableOf(".opentelemetry.ExportResponse");
export const EXPORT_PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
