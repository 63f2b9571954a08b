/** One field of a message, as `tools/contracts.mjs` writes it: "startMs=2I?" or "cues=m*:.a.v1.CuePair". */
export interface Field {
  name: string;
  number: number;
  /** d double, F fixed64, f float, i int32, u uint32, I int64, U uint64, b bool, s string, y bytes, e enum, m message, M map. */
  type: string;
  isRepeated: boolean;
  /** Whether an absent value is told apart from its default. */
  isOptional: boolean;
  /** The oneof it is part of; empty for none. */
  oneof: string;
  /** Its message's name; empty for a scalar. */
  of: string;
}

/** A message's name and fields. */
export interface Table {
  typeName: string;
  fields: readonly Field[];
}

export interface Method {
  name: string;
  input: Table;
  output: Table;
  isStream: boolean;
}

export interface Service {
  typeName: string;
  methods: Readonly<Record<string, Method>>;
}

interface File {
  package: string;
  messages: string[];
  services: string[];
}

const written = new Map<string, { scope: string; line: string }>();
const read = new Map<string, Table>();
const FIELD = /^(\w+)=(\d*)([a-zA-Z])([*?]?)(?:@(\w+))?(?::(.+))?$/;

// biome-ignore lint/suspicious/noExplicitAny: the annotation of each generated constant tells what it is
type Generated = any;

/** A file's contract: its package, then a line a message, "!" before a service. `_` are the files it needs. */
export function fileDesc(text: string, _?: readonly unknown[]): Generated {
  const [name = "", ...lines] = text.split("\n");
  const messages = lines.filter((line) => !line.startsWith("!"));
  for (const line of messages) written.set(full(name, head(line)), { scope: name, line });
  const services = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  return { package: name, messages, services } satisfies File;
}

export function messageDesc(file: Generated, index: number, ...inner: number[]): Generated {
  const found: File = file;
  const names = found.messages.map(head);
  const within = (name: string, at: number) => names.filter((one) => one.startsWith(`${name}.`))[at] ?? "";
  return tableOf(full(found.package, inner.reduce(within, names[index] ?? "")));
}

/** Enums are numbers on the wire: the generated TypeScript enum says all. */
export function enumDesc(_file: Generated, _index: number): Generated {}

/** "TranscriptService watchJob:WatchJobRequest>>WatchJobResponse": two arrows where answers come as a stream. */
export function serviceDesc(file: Generated, index: number): Generated {
  const found: File = file;
  const [name = "", ...lines] = (found.services[index] ?? "").split(" ");
  const methods: Record<string, Method> = {};
  for (const line of lines) {
    const [, local = "", input = "", stream, output = ""] = /^(\w+):([^>]+)>(>?)(.+)$/.exec(line) ?? [];
    methods[local] = {
      name: local.charAt(0).toUpperCase() + local.slice(1),
      input: tableOf(full(found.package, input)),
      output: tableOf(full(found.package, output)),
      isStream: stream === ">",
    };
  }
  return { typeName: `${found.package}.${name}`, methods } satisfies Service;
}

/** The message of that name, read when it is first wanted: ".google.protobuf.Any". */
export function tableOf(name: string): Table {
  const known = read.get(name);
  if (known) return known;
  const found = written.get(name);
  if (!found) throw new Error(`no contract has ${name}`);
  let number = 0;
  const fields = found.line
    .split(" ")
    .slice(1)
    .map((text): Field => {
      const [, local = "", given, type = "", mark, oneof = "", of = ""] = FIELD.exec(text) ?? [];
      number = given ? Number(given) : number + 1;
      const isRepeated = mark === "*";
      return {
        name: local,
        number,
        type,
        isRepeated,
        isOptional: mark === "?",
        oneof,
        of: of && full(found.scope, of),
      };
    });
  const table = { typeName: name.slice(1), fields };
  read.set(name, table);
  return table;
}

const head = (line: string): string => line.split(" ", 1)[0] ?? "";
const full = (scope: string, name: string): string => (name.startsWith(".") ? name : `.${scope}.${name}`);
