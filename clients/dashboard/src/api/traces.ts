import { CallError, Code } from "../wire/call_error";
import { encode } from "../wire/encode";
import { grpcWeb, type Outgoing } from "../wire/grpc_web";
import { EXPORT_PATH, EXPORT_REQUEST, EXPORT_RESPONSE } from "../wire/otlp";
import { CSRF, currentSession } from "./session";

const SEND_AFTER_MS = 1000;
const CLIENT_KIND = 3;
const FAILED = 2;
const HONEST: readonly Code[] = [Code.Canceled];
const RESOURCE = { attributes: [attribute("service.name", "dashboard")] };

type Span = Record<string, unknown>;
let ended: Span[] = [];

/** Calls, and where the mesh traces calls tells the collector how long it took here: the network and the waiting in the
 * browser too. A stream is traced from the gateway on, for it may last as long as the page. */
export async function* traced(outgoing: Outgoing): AsyncGenerator<unknown> {
  if (outgoing.isStream || !currentSession()?.isTraced) return yield* grpcWeb(outgoing);
  const [traceId, spanId] = [random(16), random(8)];
  const traceparent = `00-${hex(traceId)}-${hex(spanId)}-01`;
  const startTimeUnixNano = nanoseconds();
  let code: Code | 0 = 0;
  try {
    yield* grpcWeb({ ...outgoing, headers: { ...outgoing.headers, traceparent } });
  } catch (error) {
    code = CallError.from(error).code;
    throw error;
  } finally {
    const [, rpcService = "", rpcMethod = ""] = outgoing.path.split("/");
    end({
      traceId,
      spanId,
      name: `${rpcService}/${rpcMethod}`,
      kind: CLIENT_KIND,
      startTimeUnixNano,
      endTimeUnixNano: nanoseconds(),
      attributes: [
        attribute("rpc.system", "grpc"),
        attribute("rpc.service", rpcService),
        attribute("rpc.method", rpcMethod),
        attribute("rpc.response.status_code", Code[code]?.replace(/\B[A-Z]/g, "_$&").toUpperCase() ?? "OK"),
      ],
      status: { code: code === 0 || HONEST.includes(code) ? 0 : FAILED },
    });
  }
}

function end(span: Span): void {
  if (ended.length === 0) setTimeout(send, SEND_AFTER_MS);
  ended.push(span);
}

async function send(): Promise<void> {
  const body = encode(EXPORT_REQUEST, { resourceSpans: [{ resource: RESOURCE, scopeSpans: [{ spans: ended }] }] });
  ended = [];
  const headers = { [CSRF]: currentSession()?.csrfToken ?? "" };
  const call = { path: EXPORT_PATH, body, output: EXPORT_RESPONSE, isStream: false, headers, signal: undefined };
  await grpcWeb(call)
    .next()
    .catch(() => {}); // a trace that is not told harms nobody
}

function attribute(key: string, value: string): Record<string, unknown> {
  return { key, value: { stringValue: value } };
}

function random(bytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(bytes));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function nanoseconds(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}
