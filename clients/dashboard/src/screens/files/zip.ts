const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});
const UTF8_NAMES = 0x0800;
const STORED_SINCE = 20; // version 2.0 of the format
const FIRST_DAY = 0x21; // 1980-01-01: the files have no time of their own

function checksum(bytes: Uint8Array): number {
  let value = ~0;
  for (const byte of bytes) value = (TABLE[(value ^ byte) & 0xff] as number) ^ (value >>> 8);
  return ~value >>> 0;
}

/** A ZIP archive of files, stored as they are. Equal names get numbers. */
export function zipOf(files: readonly { filename: string; content: Uint8Array }[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  const taken = new Set<string>();
  let offset = 0;
  for (const { filename, content } of files) {
    const name = new TextEncoder().encode(unique(filename, taken));
    const fields: [number, 2 | 4][] = [
      [STORED_SINCE, 2],
      [UTF8_NAMES, 2],
      [0, 2],
      [0, 2],
      [FIRST_DAY, 2],
      [checksum(content), 4],
      [content.length, 4],
      [content.length, 4],
      [name.length, 2],
      [0, 2],
    ];
    const local = record([[0x04034b50, 4], ...fields]);
    parts.push(local, name, content);
    directory.push(
      record([[0x02014b50, 4], [STORED_SINCE, 2], ...fields, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]]),
    );
    directory.push(name);
    offset += local.length + name.length + content.length;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const count = files.length;
  const end = record([
    [0x06054b50, 4],
    [0, 2],
    [0, 2],
    [count, 2],
    [count, 2],
    [length, 4],
    [offset, 4],
    [0, 2],
  ]);
  return joined([...parts, ...directory, end]);
}

function unique(filename: string, taken: Set<string>): string {
  let name = filename;
  for (let number = 2; taken.has(name); number++) name = filename.replace(/(\.[^.]*)?$/, ` (${number})$1`);
  taken.add(name);
  return name;
}

function record(fields: readonly [number, 2 | 4][]): Uint8Array {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [, bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [value, bytes] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
