import type { Any } from "@bufbuild/protobuf/wkt";
import { StatusSchema } from "../gen/google/rpc/status_pb";
import { CallError, Code } from "./call_error";
import { decode } from "./decode";
import { joined } from "./encode";
import type { Table } from "./tables";

/** A call to be made. */
export interface Outgoing {
  path: string;
  body: Uint8Array<ArrayBuffer>;
  output: Table;
  isStream: boolean;
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal | undefined;
}

const HEAD = 5; // flags, then the length in four bytes
const TRAILERS = 0x80;
const BY_HTTP: Readonly<Record<number, Code>> = {
  400: Code.Internal,
  401: Code.Unauthenticated,
  403: Code.PermissionDenied,
  404: Code.Unimplemented,
  429: Code.Unavailable,
  502: Code.Unavailable,
  503: Code.Unavailable,
  504: Code.DeadlineExceeded,
};

/** Calls over grpc-web and yields the answers as they come. Raises CallError. */
export async function* grpcWeb(outgoing: Outgoing): AsyncGenerator<unknown> {
  const { path, body, output, headers, signal } = outgoing;
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1", ...headers },
      body: joined([headOf(body.length), body]),
      signal: signal ?? null,
    });
    if (!response.ok) {
      throw new CallError(`HTTP ${response.status}`, BY_HTTP[response.status] ?? Code.Unknown, response.headers);
    }
    raise(response.headers);
    let trailers: Headers | null = null;
    for await (const [flags, content] of framesOf(response)) {
      if (flags & TRAILERS) trailers = headersIn(content);
      else yield decode(output, content);
    }
    if (trailers) raise(trailers);
    else if (!response.headers.has("grpc-status")) throw new CallError("the answer broke off", Code.Unavailable);
  } catch (error) {
    throw CallError.from(error);
  }
}

function headOf(length: number): Uint8Array {
  const head = new Uint8Array(HEAD);
  new DataView(head.buffer).setUint32(1, length);
  return head;
}

async function* framesOf(response: Response): AsyncGenerator<[number, Uint8Array]> {
  const reader = response.body?.getReader();
  if (!reader) return;
  let waiting: Uint8Array = new Uint8Array();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      waiting = waiting.length > 0 ? joined([waiting, read.value]) : read.value;
      for (let end = endOf(waiting); end <= waiting.length; end = endOf(waiting)) {
        yield [waiting[0] ?? 0, waiting.subarray(HEAD, end)];
        waiting = waiting.subarray(end);
      }
    }
    if (waiting.length > 0) throw new CallError("the answer broke off", Code.Unavailable);
  } finally {
    void reader.cancel().catch(() => {}); // whoever stops listening ends the stream
  }
}

/** Where the first frame ends; Infinity while its length is not there yet. */
function endOf(waiting: Uint8Array): number {
  if (waiting.length < HEAD) return Number.POSITIVE_INFINITY;
  return HEAD + new DataView(waiting.buffer, waiting.byteOffset).getUint32(1);
}

function headersIn(content: Uint8Array): Headers {
  const found = new Headers();
  for (const line of new TextDecoder().decode(content).split("\r\n")) {
    const at = line.indexOf(":");
    if (at > 0) found.append(line.slice(0, at), line.slice(at + 1).trim());
  }
  return found;
}

/** Raises what a status other than OK says. */
function raise(headers: Headers): void {
  const code = Number(headers.get("grpc-status") ?? 0) as Code | 0;
  if (code === 0) return;
  const message = decodeURIComponent(headers.get("grpc-message") ?? "");
  throw new CallError(message, code, headers, detailsOf(headers.get("grpc-status-details-bin")));
}

function detailsOf(base64: string | null): Any[] {
  if (!base64) return [];
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return decode(StatusSchema as unknown as Table, bytes).details as Any[];
}
