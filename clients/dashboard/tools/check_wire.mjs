// Holds src/wire to @bufbuild/protobuf: every message of the contracts, filled by chance, is written by one and read by
// the other, and the other way round. Prints what differs and exits with 1.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { create, createFileRegistry, equals, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { build } from "esbuild";

const HERE = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const BUNDLE = join(HERE, "node_modules/.wire.mjs");
const ROUNDS = 25;
const wire = await loadWire();
const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(resolve(HERE, "../../gateway/descriptors.binpb"))),
);
const kinds = [...registry].filter((one) => one.kind === "message" && wire.has(`.${one.typeName}`));
const wrong = kinds.filter((kind) => Array.from({ length: ROUNDS }, () => kind).some(differs));
for (const { typeName } of wrong) console.error(`src/wire reads or writes ${typeName} otherwise than protobuf does`);
console.log(`${kinds.length} messages, ${ROUNDS} times each: ${wrong.length} differ`);
process.exit(wrong.length > 0 || kinds.length === 0 ? 1 : 0);

function differs(kind) {
  const message = create(kind, filled(kind, 3));
  const table = wire.tableOf(`.${kind.typeName}`);
  const read = wire.decode(table, toBinary(kind, message));
  return [message, read].some((one) => !equals(kind, message, fromBinary(kind, wire.encode(table, one))));
}

// A message of chance, by the kinds of its fields; maps are read only.
function filled(kind, depth) {
  const message = {};
  for (const field of kind.fields) {
    if (field.fieldKind === "map" || Math.random() < 0.3) continue;
    const value = field.fieldKind === "list" ? some(() => one(field, depth)) : one(field, depth);
    if (value === undefined) continue;
    if (field.oneof) message[field.oneof.localName] = { case: field.localName, value };
    else message[field.localName] = value;
  }
  return message;
}

function one(field, depth) {
  if (field.message) return depth > 0 ? create(field.message, filled(field.message, depth - 1)) : create(field.message);
  if (field.enum) return pick(field.enum.values).number;
  const scalars = {
    1: pick([0, 0.85, -1.5e300]),
    2: pick([0, 0.5, -2.25]),
    3: pick([0n, 1n, -1n, 2n ** 62n, -(2n ** 63n)]),
    4: pick([0n, 300n, 2n ** 64n - 1n]),
    5: pick([0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]),
    8: pick([true, false]),
    9: pick(["", "kṛṣṇa", "कृष्ण 🙏", "x".repeat(300)]),
    12: pick([new Uint8Array(), Uint8Array.from([0, 255, 128])]),
    13: pick([0, 127, 128, 2 ** 32 - 1]),
  };
  return scalars[field.scalar ?? field.listKind];
}

function pick(from) {
  return from[Math.floor(Math.random() * from.length)];
}

function some(make) {
  return Array.from({ length: Math.floor(Math.random() * 4) }, make).filter((value) => value !== undefined);
}

async function loadWire() {
  const generated = readdirSync(join(HERE, "src/gen"), { recursive: true }).filter((name) => name.endsWith("_pb.ts"));
  const imports = generated.map((name) => `export * as _${name.replace(/\W/g, "_")} from "./src/gen/${name}";`);
  const own = ["tables", "encode", "decode", "well_known"].map((name) => `export * from "./src/wire/${name}";`);
  await build({
    stdin: { contents: [...imports, ...own].join("\n"), resolveDir: HERE, loader: "ts" },
    bundle: true,
    format: "esm",
    outfile: BUNDLE,
  });
  const module = await import(BUNDLE);
  return { ...module, has: (name) => isKnown(module, name) };
}

function isKnown(module, name) {
  try {
    return Boolean(module.tableOf(name));
  } catch {
    return false;
  }
}
