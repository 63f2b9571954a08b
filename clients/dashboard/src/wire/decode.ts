import { wireTypeOf } from "./encode";
import { type Field, type Table, tableOf } from "./tables";

type Fields = Record<string, unknown>;
const [EIGHT_BYTES, LENGTH, FOUR_BYTES] = [1, 2, 5];
const STRING_MAP: Table = {
  typeName: "",
  fields: ["key", "value"].map((name, index) => {
    return { name, number: index + 1, type: "s", isRepeated: false, isOptional: false, oneof: "", of: "" };
  }),
};
const text = new TextDecoder();

/** The message that stands in bytes, each field there with its value or its default. */
export function decode(table: Table, bytes: Uint8Array): Fields {
  const message = empty(table);
  const reader = new Reader(bytes);
  while (!reader.isAtEnd()) {
    const tag = reader.number();
    const [number, wireType] = [tag >>> 3, tag & 7];
    const field = table.fields.find((one) => one.number === number);
    if (field) put(message, field, wireType, reader);
    else reader.skip(wireType);
  }
  return message;
}

function empty(table: Table): Fields {
  const message: Fields = { $typeName: table.typeName };
  for (const field of table.fields) {
    if (field.oneof) message[field.oneof] = { case: undefined };
    else if (field.isRepeated) message[field.name] = [];
    else if (!field.isOptional) message[field.name] = defaultOf(field.type);
  }
  return message;
}

function defaultOf(type: string): unknown {
  if (type === "m") return undefined;
  if (type === "M") return {};
  if (type === "s") return "";
  if (type === "y") return new Uint8Array();
  if (type === "b") return false;
  return /[IU]/.test(type) ? 0n : 0;
}

function put(message: Fields, field: Field, wireType: number, reader: Reader): void {
  if (field.type === "M") {
    const { key, value } = decode(STRING_MAP, reader.bytes());
    (message[field.name] as Fields)[key as string] = value;
  } else if (field.isRepeated) {
    const values = message[field.name] as unknown[];
    if (wireType !== LENGTH || wireTypeOf(field.type) === LENGTH) values.push(readValue(field, reader));
    else for (const packed = new Reader(reader.bytes()); !packed.isAtEnd(); ) values.push(readValue(field, packed));
  } else if (field.oneof) {
    message[field.oneof] = { case: field.name, value: readValue(field, reader) };
  } else {
    message[field.name] = readValue(field, reader);
  }
}

function readValue(field: Field, reader: Reader): unknown {
  switch (field.type) {
    case "m":
      return decode(tableOf(field.of), reader.bytes());
    case "s":
      return text.decode(reader.bytes());
    case "y":
      return reader.bytes().slice();
    case "d":
      return reader.view(8).getFloat64(0, true);
    case "f":
      return reader.view(4).getFloat32(0, true);
    case "b":
      return Boolean(reader.varint());
    case "I":
      return BigInt.asIntN(64, BigInt(reader.varint()));
    case "U":
      return BigInt(reader.varint());
    case "u":
      return reader.number();
    default:
      return Number(BigInt.asIntN(32, BigInt(reader.varint())));
  }
}

class Reader {
  #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Up to 28 bits as a number, which is quick; more as a bigint. */
  varint(): number | bigint {
    let small = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      small |= (byte & 127) << shift;
      if (byte < 128) return small;
    }
    let large = BigInt(small);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      large |= BigInt(byte & 127) << shift;
      if (byte < 128) break;
    }
    return BigInt.asUintN(64, large);
  }

  number(): number {
    return Number(this.varint());
  }

  /** What follows its own length. */
  bytes(): Uint8Array {
    return this.#take(this.number());
  }

  view(length: number): DataView {
    const taken = this.#take(length);
    return new DataView(taken.buffer, taken.byteOffset, length);
  }

  skip(wireType: number): void {
    if (wireType === EIGHT_BYTES) this.#take(8);
    else if (wireType === FOUR_BYTES) this.#take(4);
    else if (wireType === LENGTH) this.bytes();
    else this.varint();
  }

  #take(length: number): Uint8Array {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new Error("the message breaks off");
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error("the message breaks off");
    return byte;
  }
}
