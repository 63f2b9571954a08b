import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { decode } from "./decode";
import type { Table } from "./tables";

/** The codes of gRPC. */
export enum Code {
  Canceled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  NotFound = 5,
  AlreadyExists = 6,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  FailedPrecondition = 9,
  Aborted = 10,
  OutOfRange = 11,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  DataLoss = 15,
  Unauthenticated = 16,
}

/** A call that failed, with what the service said of it. */
export class CallError extends Error {
  readonly code: Code;
  readonly metadata: Headers;
  readonly #details: readonly Any[];

  constructor(message: string, code: Code, metadata = new Headers(), details: readonly Any[] = []) {
    super(message);
    this.code = code;
    this.metadata = metadata;
    this.#details = details;
  }

  /** Anything thrown, as an error of a call: what `fetch` throws is an abort or a broken connection. */
  static from(reason: unknown): CallError {
    if (reason instanceof CallError) return reason;
    if (reason instanceof DOMException && reason.name === "AbortError") return new CallError("", Code.Canceled);
    if (reason instanceof TypeError) return new CallError("the connection failed", Code.Unavailable);
    return new CallError(String(reason), Code.Unknown);
  }

  findDetails<S extends DescMessage>(schema: S): MessageShape<S>[] {
    return this.#details.flatMap((any) => unpack(any, schema) ?? []);
  }
}

/** The message in it, if it is one of that kind. */
export function unpack<S extends DescMessage>(any: Any, schema: S): MessageShape<S> | undefined {
  const table = schema as unknown as Table;
  if (any.typeUrl.split("/").at(-1) !== table.typeName) return undefined;
  return decode(table, any.value) as unknown as MessageShape<S>;
}
