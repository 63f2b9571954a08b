import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { CallError, Code } from "./call_error";
import { encode } from "./encode";
import type { Outgoing } from "./grpc_web";
import type { Service } from "./tables";

export interface CallOptions {
  signal?: AbortSignal;
}

/** The RPCs of a service: `client.listJobs({ pageSize: 5 })`. */
export type Client<S extends DescService> = {
  [M in keyof S["method"]]: S["method"][M] extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : S["method"][M] extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageInitShape<I>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
      : never;
};

/** A client whose calls go out by `send`: `grpcWeb`, or something around it. */
export function createClient<S extends DescService>(
  service: S,
  send: (outgoing: Outgoing) => AsyncIterable<unknown>,
): Client<S> {
  const { typeName, methods } = service as unknown as Service;
  const calls = Object.entries(methods).map(([local, { name, input, output, isStream }]) => {
    const call = (request: Readonly<Record<string, unknown>>, { signal }: CallOptions = {}) =>
      send({ path: `/${typeName}/${name}`, body: encode(input, request), output, isStream, headers: {}, signal });
    return [local, isStream ? call : async (...given: Parameters<typeof call>) => only(call(...given))];
  });
  return Object.fromEntries(calls);
}

async function only(answers: AsyncIterable<unknown>): Promise<unknown> {
  let found: unknown;
  for await (const answer of answers) found = answer; // to the end: the status comes after the message
  if (found === undefined) throw new CallError("there was no answer", Code.Internal);
  return found;
}
