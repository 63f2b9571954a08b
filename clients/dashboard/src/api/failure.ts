import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb";
import { CallError, Code } from "../wire/call_error";

/** What a failed call says to a person. */
export interface Failure {
  title: string;
  message: string;
  /** Of ErrorInfo, "LEASE_LOST"; empty where there is none. */
  reason: string;
  violations: { field: string; description: string }[];
  requestId: string;
  retryAfterS: number | null;
}

const TITLES: Partial<Record<Code, string>> = {
  [Code.InvalidArgument]: "Something in it is not right",
  [Code.NotFound]: "Not found",
  [Code.AlreadyExists]: "It is there already",
  [Code.PermissionDenied]: "You may not do this",
  [Code.ResourceExhausted]: "Too much at once",
  [Code.FailedPrecondition]: "Not as things stand",
  [Code.Aborted]: "Somebody was faster",
  [Code.Unavailable]: "The service cannot be reached",
  [Code.DeadlineExceeded]: "It took too long",
  [Code.Unauthenticated]: "Your session has ended",
};

export function failureOf(error: unknown): Failure {
  const found = CallError.from(error);
  const info = found.findDetails(ErrorInfoSchema)[0];
  const retry = found.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    title: TITLES[found.code] ?? "That did not work",
    message: sentence(found.message),
    reason: info?.reason ?? "",
    violations: found.findDetails(BadRequestSchema).flatMap((request) => request.fieldViolations),
    requestId: found.findDetails(RequestInfoSchema)[0]?.requestId ?? found.metadata.get("x-request-id") ?? "",
    retryAfterS: retry ? Number(retry.seconds) + retry.nanos / 1e9 : null,
  };
}

/** Whether a call was given up because the screen that made it is gone. */
export function isAbandoned(error: unknown): boolean {
  return CallError.from(error).code === Code.Canceled;
}

function sentence(text: string): string {
  const found = text.trim();
  if (!found) return "";
  return found[0]?.toUpperCase() + found.slice(1) + (/[.!?]$/.test(found) ? "" : ".");
}
