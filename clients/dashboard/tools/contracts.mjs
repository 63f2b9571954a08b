// Generates the TypeScript clients into src/gen from gateway/descriptors.binpb, which `make gen` keeps true to protos/.
//
// Options are left out: validation rules, REST bindings and permissions are the services' business, and would weigh
// more than the contracts themselves.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { create, fromBinary, isFieldSet, toBinary } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  FieldDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { RPCS } from "./rpcs.mjs";

const HERE = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const DESCRIPTORS = resolve(HERE, "../../gateway/descriptors.binpb");
const PLUGIN = join(HERE, "node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es");
const IN_DETAILS = ["BadRequest", "ErrorInfo", "PreconditionFailure", "RequestInfo", "RetryInfo", "Status"].map(
  (name) => `.google.rpc.${name}`,
);
/** Comes with @bufbuild/protobuf itself. */
const WELL_KNOWN = /^google\/protobuf\//;

/** Writes src/gen anew. */
export function generateContracts() {
  const files = pruned(fromBinary(FileDescriptorSetSchema, readFileSync(DESCRIPTORS)).file);
  const request = create(CodeGeneratorRequestSchema, {
    fileToGenerate: files.map((file) => file.name).filter((name) => !WELL_KNOWN.test(name)),
    parameter: "target=ts,import_extension=none",
    protoFile: files,
  });
  const sources = new Map(files.map((file) => [file.name.replace(/\.proto$/, "_pb.ts"), file]));
  const target = join(HERE, "src/gen");
  rmSync(target, { recursive: true, force: true });
  for (const file of run(toBinary(CodeGeneratorRequestSchema, request)).file) {
    const path = join(target, file.name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, withTables(file.content, sources.get(file.name)));
  }
}

function run(input) {
  const done = spawnSync(process.execPath, [PLUGIN], { input, maxBuffer: 64 * 1024 * 1024 });
  if (done.status !== 0) throw new Error(`protoc-gen-es failed: ${done.stderr}`);
  const answer = fromBinary(CodeGeneratorResponseSchema, done.stdout);
  if (answer.error) throw new Error(`protoc-gen-es: ${answer.error}`);
  return answer;
}

// What is generated is TypeScript's types; at run time a contract is a line a message, which src/wire reads.
function withTables(source, file) {
  const wire = `${"../".repeat(file.name.split("/").length)}wire`;
  return source
    .replace(/fileDesc\(".*?"/s, () => `fileDesc(${JSON.stringify(tablesOf(file))}`)
    .replace(/^(import \{.*\} from )"@bufbuild\/protobuf\/codegenv2"/m, `$1"${wire}/tables"`)
    .replace(/^(import \{.*\} from )"@bufbuild\/protobuf\/wkt"/m, `$1"${wire}/well_known"`);
}

function tablesOf(file) {
  const messages = [...file.messageType.map((message) => [message.name, message]), ...file.messageType.flatMap(nested)];
  const lines = messages.map(([name, message]) => [name, ...fieldsOf(message, file)].join(" "));
  const services = file.service.map((service) => `!${[service.name, ...service.method.map(methodOf(file))].join(" ")}`);
  return [file.package, ...lines, ...services].join("\n");
}

// Behind all others, so that those keep the places by which generated code names them.
const nested = (message) =>
  message.nestedType.filter((one) => !one.options?.mapEntry).map((one) => [`${message.name}.${one.name}`, one]);

const TYPES = { 1: "d", 2: "f", 3: "I", 4: "U", 5: "i", 8: "b", 9: "s", 11: "m", 12: "y", 13: "u", 14: "e" };
const REPEATED = 3;

function* fieldsOf(message, file) {
  let before = 0;
  for (const field of message.field) {
    const entry = message.nestedType.find((nested) => nested.options?.mapEntry && field.typeName.endsWith(nested.name));
    const type = entry ? "M" : TYPES[field.type];
    if (!type || entry?.field.some((one) => TYPES[one.type] !== "s")) {
      throw new Error(`${message.name}.${field.name}: src/wire has no such type`);
    }
    const number = field.number === before + 1 ? "" : field.number;
    const mark = field.proto3Optional ? "?" : field.label === REPEATED && !entry ? "*" : "";
    const oneof = isInOneof(field) ? `@${camel(message.oneofDecl[field.oneofIndex].name)}` : "";
    const of = type === "m" ? `:${shortName(field.typeName, file)}` : "";
    yield `${camel(field.name)}=${number}${type}${mark}${oneof}${of}`;
    before = field.number;
  }
}

const isInOneof = (field) => isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex) && !field.proto3Optional;

function methodOf(file) {
  return ({ name, inputType, outputType, serverStreaming }) => {
    const arrow = serverStreaming ? ">>" : ">";
    return `${name[0].toLowerCase()}${name.slice(1)}:${shortName(inputType, file)}${arrow}${shortName(outputType, file)}`;
  };
}

// Names of the file's own package are short.
function shortName(name, file) {
  return name.startsWith(`.${file.package}.`) ? name.slice(file.package.length + 2) : name;
}

const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

// The files with the RPCs that are called and what their messages need.
function pruned(files) {
  for (const file of files) keepCalled(file);
  const kept = reachable(files);
  const isKept = (file) => (found) => kept.has(`.${file.package}.${found.name}`);
  for (const file of files) {
    file.messageType = file.messageType.filter(isKept(file)).map(plainMessage);
    file.enumType = file.enumType.filter(isKept(file)).map(plain);
    file.extension = [];
    plain(file);
  }
  const left = files.filter((file) => file.messageType.length + file.enumType.length + file.service.length > 0);
  const names = new Set(left.map((file) => file.name));
  for (const file of left) {
    file.dependency = file.dependency.filter((name) => names.has(name));
    file.publicDependency = [];
  }
  return left;
}

function keepCalled(file) {
  for (const service of file.service) {
    const called = RPCS[`${file.package}.${service.name}`] ?? [];
    const missing = called.filter((name) => !service.method.some((method) => method.name === name));
    if (missing.length > 0) throw new Error(`${service.name} has no ${missing.join(", ")}: see tools/rpcs.mjs`);
    service.method = service.method.filter((method) => called.includes(method.name)).map(plain);
    plain(service);
  }
  file.service = file.service.filter((service) => service.method.length > 0);
}

// Names of the top-level messages and enums that RPCs and error details lead to.
function reachable(files) {
  const uses = new Map(files.flatMap((file) => [...fieldTypes(file)]));
  const found = new Set();
  const methods = files.flatMap((file) => file.service.flatMap((service) => service.method));
  const waiting = [...IN_DETAILS, ...methods.flatMap((method) => [method.inputType, method.outputType])];
  while (waiting.length > 0) {
    const name = topLevel(waiting.pop(), uses);
    if (found.has(name)) continue;
    found.add(name);
    waiting.push(...uses.get(name));
  }
  return found;
}

function* fieldTypes(file) {
  const named = (message) => [
    ...message.field.map((field) => field.typeName).filter(Boolean),
    ...message.nestedType.flatMap(named),
  ];
  for (const message of file.messageType) yield [`.${file.package}.${message.name}`, named(message)];
  for (const enumeration of file.enumType) yield [`.${file.package}.${enumeration.name}`, []];
}

function topLevel(name, uses) {
  let found = name;
  while (!uses.has(found)) found = found.slice(0, found.lastIndexOf("."));
  return found;
}

function plainMessage(message) {
  for (const field of message.field) {
    plain(field);
    field.jsonName = "";
  }
  message.nestedType.forEach(plainMessage);
  message.enumType.forEach(plain);
  return message.options?.mapEntry ? message : plain(message);
}

function plain(found) {
  found.options = undefined;
  for (const value of found.value ?? []) value.options = undefined;
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generateContracts();
