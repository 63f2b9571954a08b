// Generates the TypeScript clients into src/gen from gateway/descriptors.binpb, which `make gen` keeps true to protos/.
//
// Options are left out: validation rules, REST bindings and permissions are the services' business, and would weigh
// more than the contracts themselves.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { RPCS } from "./rpcs.mjs";

const HERE = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const DESCRIPTORS = resolve(HERE, "../../gateway/descriptors.binpb");
const PLUGIN = join(HERE, "node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es");
const IN_DETAILS = ["BadRequest", "ErrorInfo", "PreconditionFailure", "RequestInfo", "RetryInfo"].map(
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
  const target = join(HERE, "src/gen");
  rmSync(target, { recursive: true, force: true });
  for (const file of run(toBinary(CodeGeneratorRequestSchema, request)).file) {
    const path = join(target, file.name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, withPlainBytes(file.content));
  }
}

function run(input) {
  const done = spawnSync(process.execPath, [PLUGIN], { input, maxBuffer: 64 * 1024 * 1024 });
  if (done.status !== 0) throw new Error(`protoc-gen-es failed: ${done.stderr}`);
  const answer = fromBinary(CodeGeneratorResponseSchema, done.stdout);
  if (answer.error) throw new Error(`protoc-gen-es: ${answer.error}`);
  return answer;
}

// Base64 hides from gzip what repeats: as a string of bytes the contracts weigh half.
function withPlainBytes(source) {
  const bytes = (base64) => JSON.stringify(Buffer.from(base64, "base64").toString("latin1"));
  return source.replace(/fileDesc\("([A-Za-z0-9+/=]+)"/g, (_, base64) => `fileDesc(btoa(${bytes(base64)})`);
}

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
