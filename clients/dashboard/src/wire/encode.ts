import { type Field, type Table, tableOf } from "./tables";

type Fields = Readonly<Record<string, unknown>>;
const [VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES] = [0, 1, 2, 5];
const WIRE_TYPES: Readonly<Record<string, number>> = {
  d: EIGHT_BYTES,
  F: EIGHT_BYTES,
  f: FOUR_BYTES,
  s: LENGTH,
  y: LENGTH,
  m: LENGTH,
};
const text = new TextEncoder();

export const wireTypeOf = (type: string): number => WIRE_TYPES[type] ?? VARINT;

/** A message as protobuf has it; what is left out has its default. Large bytes are not copied before this. */
export function encode(table: Table, message: Fields): Uint8Array<ArrayBuffer> {
  return joined(partsOf(table, message));
}

function partsOf(table: Table, message: Fields): Uint8Array[] {
  return table.fields.flatMap((field) => {
    const value = chosenValue(field, message);
    if (value === undefined) return [];
    if (!field.isRepeated) return [tag(field, wireTypeOf(field.type)), ...written(field, value)];
    const values = value as readonly unknown[];
    if (values.length === 0) return [];
    if (wireTypeOf(field.type) === LENGTH) {
      return values.flatMap((one) => [tag(field, LENGTH), ...written(field, one)]);
    }
    return [tag(field, LENGTH), ...delimited(values.flatMap((one) => written(field, one)))];
  });
}

/** What is to be written of a field; undefined: nothing. */
function chosenValue(field: Field, message: Fields): unknown {
  if (field.type === "M") return undefined; // only answers have maps
  if (field.oneof) {
    const chosen = message[field.oneof] as { case?: string; value?: unknown } | undefined;
    return chosen?.case === field.name ? chosen.value : undefined;
  }
  const value = message[field.name];
  if (value === null || value === undefined || field.isRepeated || field.isOptional) return value ?? undefined;
  const isDefault = value === 0 || value === 0n || value === false || value === "";
  return isDefault || (value instanceof Uint8Array && value.length === 0) ? undefined : value;
}

function written(field: Field, value: unknown): Uint8Array[] {
  switch (field.type) {
    case "m":
      return delimited(partsOf(tableOf(field.of), value as Fields));
    case "s":
      return delimited([text.encode(value as string)]);
    case "y":
      return delimited([value as Uint8Array]);
    case "d":
      return [new Uint8Array(new Float64Array([value as number]).buffer)]; // every browser's machine is little-endian
    case "F":
      return [new Uint8Array(new BigUint64Array([value as bigint]).buffer)];
    case "f":
      return [new Uint8Array(new Float32Array([value as number]).buffer)];
    default:
      return [varint(typeof value === "bigint" ? value : Number(value))];
  }
}

const tag = (field: Field, wireType: number): Uint8Array => varint(field.number * 8 + wireType);

function delimited(parts: readonly Uint8Array[]): Uint8Array[] {
  return [varint(parts.reduce((sum, part) => sum + part.length, 0)), ...parts];
}

function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** One after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
